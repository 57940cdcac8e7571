"""Workout files of every maker: what a file is by its bytes, who made it, and who reads it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

from activities.domain.parsed import Parsed, ParsedActivity
from activities.formats.container import kind_of
from activities.formats.errors import Unreadable
from activities.formats.fit import fit_creator, parse_fit
from activities.formats.gpx_file import gpx_creator, parse_gpx_file
from activities.formats.tcx import parse_tcx, tcx_creator
from integrations import creators
from integrations.base import Parse
from integrations.errors import UnexpectedPayload

FileKind = Literal["fit", "tcx", "gpx"]

CONTENT_TYPES: Mapping[str, str] = {
    "fit": "application/vnd.ant.fit",
    "tcx": "application/vnd.garmin.tcx+xml",
    "gpx": "application/gpx+xml",
}
# A longer id would not tell more, and must fit into a column with the number of a leg behind it.
ID_DIGITS = 32
# What is needed of a file to know its kind.
HEAD_BYTES = 16 << 10


def _reads(parse: Parse) -> Parse:
    """The same, with what a format cannot read as this app's error."""

    def read(data: bytes, external_id: str) -> Parsed:
        try:
            return parse(data, external_id)
        except Unreadable as error:
            raise UnexpectedPayload(str(error)) from error

    return read


# Kind of file -> who reads it: the FIT file tells most, a GPX least.
FILE_KINDS: Mapping[str, Parse] = {
    "fit": _reads(parse_fit),
    "tcx": _reads(parse_tcx),
    "gpx": _reads(parse_gpx_file),
}
_CREATORS: Mapping[str, Callable[[bytes], str]] = {"fit": fit_creator, "tcx": tcx_creator, "gpx": gpx_creator}


def recorded_by(device_kind: str) -> Mapping[str, Parse]:
    """The same, for a maker whose devices are mostly of this kind: what the file does not tell of its device."""

    def known(parse: Parse) -> Parse:
        def read(data: bytes, external_id: str) -> Parsed:
            parsed = parse(data, external_id)
            return replace(parsed, activities=tuple(map(with_kind, parsed.activities)))

        return read

    def with_kind(activity: ParsedActivity) -> ParsedActivity:
        return activity if activity.device_kind != "unknown" else replace(activity, device_kind=device_kind)

    return {kind: known(parse) for kind, parse in FILE_KINDS.items()}


def file_kind(head: bytes) -> FileKind | None:
    """What kind of workout file begins so; None where it is none."""
    kind = kind_of(head)
    return kind if kind == "fit" or kind == "tcx" or kind == "gpx" else None


def content_id(data: bytes) -> str:
    """The external id of a file that carries none: the same for each copy, whatever its name."""
    return hashlib.sha256(data).hexdigest()[:ID_DIGITS]


def provider_of_file(kind: str, data: bytes) -> str:
    """The slug of the provider whose device or app made the file; empty where it is none of ours or not told."""
    return creators.provider_of(kind, creator_of(kind, data))


def creator_of(kind: str, data: bytes) -> str:
    """Who made the file, in its own words; empty where it does not tell."""
    return _CREATORS[kind](data)
