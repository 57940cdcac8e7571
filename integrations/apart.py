"""Reading a file in a process of its own (`trainstack.second`): what needs neither the database nor the settings."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from activities.domain.reading import Batch
from activities.formats.container import Limits, open_file
from integrations.base import Reader
from trainstack.memory import give_back, trim
from trainstack.packed import pack


def can_go(reader: Reader) -> bool:
    """Whether the reader can be told to another process; one that is made of others' functions cannot."""
    try:
        pickle.dumps(reader)
    except (pickle.PicklingError, AttributeError, TypeError):
        return False
    return True


def read(number: int, name: str, limits: Limits, reader: Reader, cursor: Mapping[str, Any] | None) -> Iterator[Batch]:
    """The batches of the open file of this number, payloads packed as they are to be stored."""
    give_back()
    with open(number, "rb", closefd=False) as file, open_file(file, name, limits) as container:
        for batch in reader.read(container, cursor=cursor):
            payloads = tuple(replace(it, data=b"", packed=pack(it.data)) for it in batch.payloads)
            yield replace(batch, payloads=payloads)
            trim()
