"""What Apple's export has no key for: workouts, sources and devices."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping

from activities.formats.apple_health.dates import date_ms

# `<<HKDevice: 0x3024a>, name:Apple Watch, hardware:Watch6,18, ...>`: the address changes from line to line, and a
# value may hold commas, but no comma with a space and words with a colon behind them.
_DEVICE_FIELD = re.compile(r"(?:^|, )([A-Za-z][A-Za-z ]*):(.*?)(?=, [A-Za-z][A-Za-z ]*:|$)")
_DEVICE_ADDRESS = re.compile(r"<?HKDevice: 0x[0-9A-Fa-f]+>?,? ?")


def source_key(name: str) -> str:
    """A source's name with its Unicode forms and white space made equal."""
    return " ".join(unicodedata.normalize("NFKC", name).split())


def device_fields(text: str) -> dict[str, str]:
    """The fields of a device string (name, manufacturer, model, hardware, software, ...), without its address."""
    inner = _DEVICE_ADDRESS.sub("", text.strip().removeprefix("<").removesuffix(">"))
    fields = {field.group(1): field.group(2).strip() for field in _DEVICE_FIELD.finditer(inner)}
    return fields or ({"name": inner.strip("<> ")} if inner.strip("<> ") else {})


def workout_identity(attributes: Mapping[str, str]) -> str:
    """The key of a Workout element, which has none of its own: 32 hexadecimal digits.

    The same effort in two exports differs in the offset of its times, the device's address and the spaces of its
    source's name, and creationDate changes when a phone is restored: none of them is part of it.
    """
    parts = [attributes.get("workoutActivityType", "")]
    for name in ("startDate", "endDate"):
        told = attributes.get(name, "")
        moment = date_ms(told)
        parts.append(told if moment is None else str(moment))
    parts.append(source_key(attributes.get("sourceName", "")))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
