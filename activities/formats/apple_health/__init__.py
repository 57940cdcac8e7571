"""Apple Health's export: `export.zip` or `export.xml` of every iOS, read into samples and payloads.

`is_export` knows one, `export_facts` tells its date, `read_export` reads it in batches that can be taken up again, and
`parse_element` makes a tree of one stored element (a workout).
"""

from activities.formats.apple_health.dates import date_ms, date_of
from activities.formats.apple_health.elements import Element, parse_element
from activities.formats.apple_health.reader import (
    UNREADABLE,
    ExportFacts,
    export_facts,
    is_export,
    read_export,
    route_id,
)

__all__ = [
    "UNREADABLE",
    "Element",
    "ExportFacts",
    "date_ms",
    "date_of",
    "export_facts",
    "is_export",
    "parse_element",
    "read_export",
    "route_id",
]
