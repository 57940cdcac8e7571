"""Files of whoever made them: as every other, with the maker in its own words, by which devices are told apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from activities.domain.parsed import Parsed
from integrations.base import Parse
from integrations.files import FILE_KINDS, creator_of


def _named(kind: str, parse: Parse) -> Parse:
    def read(data: bytes, external_id: str) -> Parsed:
        parsed = parse(data, external_id)
        maker = creator_of(kind, data)
        return replace(
            parsed,
            activities=tuple(replace(it, source_name=it.source_name or maker) for it in parsed.activities),
        )

    return read


FILES: Mapping[str, Parse] = {kind: _named(kind, parse) for kind, parse in FILE_KINDS.items()}
