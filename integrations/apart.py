"""What is read of a file without the database and the settings: here, or in a process of its own (`Second`)."""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from activities.domain.parsed import Parsed
from activities.domain.reading import Batch
from activities.formats.container import Limits, open_file
from integrations.base import Parse, Reader
from integrations.errors import UnexpectedPayload
from trainstack.memory import give_back
from trainstack.packed import pack

logger = logging.getLogger(__name__)

# A thread unpacks while another one reads: whoever waits for the interpreter is to get it soon.
SWITCH_S = 0.0005


def parsed(parse: Mapping[str, Parse], kind: str, data: bytes, external_id: str) -> tuple[Parsed, str]:
    """All that a payload tells, and "" or why it cannot be read."""
    try:
        return parse[kind](data, external_id), ""
    except UnexpectedPayload as error:
        return Parsed(), str(error)
    except Exception as error:
        logger.exception("A %s could not be read: %s", kind, external_id)
        return Parsed(), f"A {kind} could not be read ({type(error).__name__}: {error})."


# --- in a process of its own ----------------------------------------------------------------
def reads_apart(reader: Reader) -> bool:
    """Whether reading costs so much beside storing that a process of its own is worth its memory: readers say so."""
    return getattr(reader, "reads_apart", False)


def read(
    number: int,
    name: str,
    limits: Limits,
    reader: Reader,
    cursor: Mapping[str, Any] | None,
    parse: Mapping[str, Parse],
    known: Collection[str],
) -> Iterator[Batch]:
    """The batches of the open file of this number, payloads packed as they are to be stored.

    Payloads of the kinds in `parse` are parsed too, but for those whose sha256 is known.
    """
    give_back()
    sys.setswitchinterval(SWITCH_S)
    with open(number, "rb", closefd=False) as file, open_file(file, name, limits) as container:
        for batch in reader.read(container, cursor=cursor):
            payloads = []
            for one in batch.payloads:
                packed = pack(one.data)
                is_new = one.kind in parse and packed.sha256 not in known
                told = parsed(parse, one.kind, one.data, one.external_id) if is_new else None
                payloads.append(replace(one, data=b"", packed=packed, told=told))
            yield replace(batch, payloads=tuple(payloads))
