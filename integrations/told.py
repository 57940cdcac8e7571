"""Reading what providers' JSON and CSV tell: numbers, times, rows, streams and sample tables. Pure.

Everything here is lenient with a value and strict with a payload: what is no number is not told (None), what is no JSON
raises `UnexpectedPayload`.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from activities.domain.metrics import METRICS
from activities.domain.parsed import Stream
from activities.domain.reading import SAMPLE_SCHEMA, DeviceFacts, SampleTable
from integrations.errors import UnexpectedPayload

# Samsung writes whole series into one cell.
MAX_CELL = 64 << 20
# No source tells of days before or after these; whatever says so is not read as a time.
EARLIEST_MS = -(2**31) * 1000
LATEST_MS = 2**33 * 1000
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DURATION = re.compile(
    r"(-)?P(?:([0-9.]+)W)?(?:([0-9.]+)D)?(?:T(?:([0-9.]+)H)?(?:([0-9.]+)M)?(?:([0-9.]+)S)?)?", re.IGNORECASE
)
_BLANKS = re.compile(r"\s*")
_LIST = re.compile(r"\s*\[\s*")
_NEXT = re.compile(r"\s*(?:,\s*|(?=\]))")
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])([0-9]{1,2}):?([0-9]{2})?")


# --- values ---------------------------------------------------------------------------------


def number(told: object) -> float | None:
    """The finite number that a value or a text is; None for all else, truth values included."""
    if isinstance(told, bool) or told is None:
        return None
    if isinstance(told, int | float):
        try:
            value = float(told)
        except OverflowError:
            return None
        return value if math.isfinite(value) else None
    if not isinstance(told, str):
        return None
    text = told.strip()
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def positive(told: object) -> float | None:
    """The number where it is above zero: for figures of which many providers write 0 where they know nothing."""
    value = number(told)
    return value if value is not None and value > 0 else None


def scaled(told: object, factor: float, *, only_positive: bool = False) -> float | None:
    """The number times the factor, without the digits that only the arithmetic adds."""
    value = positive(told) if only_positive else number(told)
    product = None if value is None else value * factor
    return None if product is None or not math.isfinite(product) else round(product, 9)


def whole(told: object) -> int | None:
    """The number as a whole one, cut off."""
    value = number(told)
    return None if value is None else int(value)


def first(*values: float | None) -> float | None:
    """The first that is told."""
    return next((value for value in values if value is not None), None)


def text(told: object) -> str:
    """Words as they are, numbers as digits, nothing as empty."""
    if isinstance(told, str):
        return told.strip()
    return str(told) if isinstance(told, int | float) and not isinstance(told, bool) else ""


def entries(told: object) -> list[dict[str, Any]]:
    """The objects of a list; nothing where it is none."""
    return [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []


def mapping(told: object) -> dict[str, Any]:
    """The object; an empty one where it is none."""
    return told if isinstance(told, dict) else {}


def rest(told: Mapping[str, Any], placed: Iterable[str]) -> dict[str, Any]:
    """What has no place of its own, as told, without what tells nothing: for `ParsedActivity.extra`."""
    taken = set(placed)
    return {key: _plain(value) for key, value in told.items() if key not in taken and value not in (None, "", [], {})}


def _plain(value: Any) -> Any:
    """The value in JSON's own types: no NaN, which JSON lacks."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


# --- documents ------------------------------------------------------------------------------


def json_of(data: bytes) -> Any:
    """The document; raises UnexpectedPayload where it is none."""
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UnexpectedPayload("This is not text, so it cannot be read as JSON.") from error
    except RecursionError as error:
        raise UnexpectedPayload("This JSON is nested too deeply.") from error
    except ValueError as error:
        raise UnexpectedPayload(f"This is not whole JSON: {_reason(error)}.") from error


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"it breaks off at character {error.pos:,}"
    return "a number in it has too many digits"


def object_of(data: bytes) -> dict[str, Any]:
    """The object that the document is; raises UnexpectedPayload where it is none."""
    told = json_of(data)
    if not isinstance(told, dict):
        raise UnexpectedPayload("An object was expected here.")
    return told


def list_of(data: bytes) -> list[Any]:
    """The list that the document is; raises UnexpectedPayload where it is none."""
    told = json_of(data)
    if not isinstance(told, list):
        raise UnexpectedPayload("A list was expected here.")
    return told


def as_json(told: object) -> bytes:
    """The document in the one form that equal values share; raises UnexpectedPayload where it holds what JSON lacks."""
    return json.dumps(_plain(told), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def joined(parts: Mapping[str, bytes]) -> bytes:
    """One JSON object of several documents, each byte for byte under its name; what is no JSON becomes a string."""
    pieces = []
    for name, data in parts.items():
        bare = data.removeprefix(b"\xef\xbb\xbf").strip()
        try:
            json.loads(bare)
        except (ValueError, RecursionError):
            bare = json.dumps(data.decode("utf-8", "replace")).encode()
        pieces.append(json.dumps(name).encode() + b":" + bare)
    return b"{" + b",".join(pieces) + b"}"


def elements(data: bytes) -> Iterator[tuple[bytes, Any]]:
    """The elements of a list, each as its own bytes and as a value.

    Raises UnexpectedPayload where the list breaks off, after all that stands before.
    """
    try:
        words = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnexpectedPayload("This is not text, so it cannot be read as JSON.") from error
    decoder = json.JSONDecoder()
    match = _LIST.match(words)
    if match is None:
        raise UnexpectedPayload("A list was expected here.")
    at = match.end()
    while not words.startswith("]", at):
        try:
            value, end = decoder.raw_decode(words, at)
        except (ValueError, RecursionError) as error:
            raise UnexpectedPayload(f"This list breaks off at character {at:,}.") from error
        yield words[at:end].encode(), value
        match = _NEXT.match(words, end)
        if match is None:
            raise UnexpectedPayload(f"This list breaks off at character {end:,}.")
        at = match.end()


def elements_under(data: bytes, key: str) -> tuple[list[tuple[bytes, Any]], dict[str, Any]]:
    """The elements of the list that an object holds under `key`, each as its own bytes and as a value, and all else
    that the object holds. No such list, or null: no elements.

    Raises UnexpectedPayload where it is no object, or a broken one.
    """
    told = object_of(data)
    listed = told.pop(key, None)
    if listed is None:
        return [], told
    if not isinstance(listed, list):
        raise UnexpectedPayload(f"A list was expected under {key!r}.")
    return list(elements(value_under(data, key))), told


def value_under(data: bytes, key: str) -> bytes:
    """The bytes of the value that an object holds under `key`; empty where it holds none.

    Raises UnexpectedPayload where it is no object, or a broken one.
    """
    if key not in object_of(data):
        return b""
    words = data.decode("utf-8-sig")
    decoder = json.JSONDecoder()
    at, found = _after(words, 0, "{"), (0, 0)
    while not words.startswith("}", at):
        name, end = decoder.raw_decode(words, at)
        begin = _after(words, end, ":")
        _, end = decoder.raw_decode(words, begin)
        if name == key:
            found = begin, end
        at = _after(words, end, ",")
    return words[slice(*found)].encode()


def _after(words: str, at: int, sign: str) -> int:
    """The place of what follows the sign, and the blanks around it; that of what follows the blanks where it is not
    there.
    """
    at = _BLANKS.match(words, at).end()  # type: ignore[union-attr]
    return _BLANKS.match(words, at + 1).end() if words.startswith(sign, at) else at  # type: ignore[union-attr]


def rows_of(data: bytes, *, skip_lines: int = 0, delimiter: str = ",") -> Iterator[dict[str, str]]:
    """The rows of a CSV with a header, by column; cells beyond the header are left out, missing ones are ""."""
    csv.field_size_limit(MAX_CELL)
    lines = io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", "replace", newline="")
    for _ in range(skip_lines):
        lines.readline()
    reader = csv.reader((line.replace("\0", "") for line in lines), delimiter=delimiter)
    try:
        header = [name.strip() for name in next(reader, [])]
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield dict(zip(header, [*cells, *[""] * (len(header) - len(cells))], strict=False))
    except csv.Error as error:
        raise UnexpectedPayload(f"This table cannot be read on from line {reader.line_num}: {error}.") from error


# --- times ----------------------------------------------------------------------------------


def offset_s(told: object) -> int | None:
    """Seconds east of UTC of "+05:30", "UTC+0530", "-08" or "Z"."""
    words = text(told)
    if words in ("Z", "UTC", "GMT"):
        return 0
    match = _OFFSET.fullmatch(words)
    if not match:
        return None
    sign, hours, minutes = match.groups()
    seconds = int(hours) * 3600 + int(minutes or 0) * 60
    return (-seconds if sign == "-" else seconds) if seconds <= 18 * 3600 else None


def zone_of_offset(seconds: float | None) -> timezone:
    """The fixed zone; UTC where none is told or it is none that a clock can have."""
    return timezone(timedelta(seconds=round(seconds))) if seconds is not None and abs(seconds) < 86_400 else UTC


@lru_cache(maxsize=256)
def zone_named(name: str) -> ZoneInfo | None:
    """The time zone of that name; None where there is none."""
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, KeyError):
        return None


def moment_ms(told: object, zone: tzinfo = UTC) -> datetime | None:
    """Milliseconds since 1970 UTC as a time in that zone; None beyond any calendar."""
    value = number(told)
    if value is None or not EARLIEST_MS <= value <= LATEST_MS:
        return None
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)).astimezone(zone)


def local(told: object) -> datetime | None:
    """An ISO time as it stands, with its offset where it tells one; naive where it does not."""
    words = text(told)
    if not words:
        return None
    try:
        moment = datetime.fromisoformat(words.replace("Z", "+00:00") if words.endswith("Z") else words)
    except ValueError:
        return None
    return moment if 1901 < moment.year < 2200 else None


def aware(told: object, zone: tzinfo = UTC) -> datetime | None:
    """An ISO time; in `zone` where it tells no offset of its own."""
    moment = local(told)
    return moment.replace(tzinfo=zone) if moment is not None and moment.tzinfo is None else moment


def day_of(told: object) -> date | None:
    """The date with which a text begins: 2026-03-02, also before a time; 03/02/26 as Fitbit writes it."""
    words = text(told)
    match = re.match(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", words)
    try:
        if match:
            year, month, day = map(int, match.groups())
            return date(year, month, day)
        if match := re.match(r"([0-9]{2})/([0-9]{2})/([0-9]{2})(?![0-9])", words):
            month, day, year = map(int, match.groups())
            return date(2000 + year, month, day)
    except ValueError:
        return None
    return None


def duration_s(told: object) -> float | None:
    """Seconds of an ISO duration ("PT1H2M3.5S") or of a number of seconds with its unit ("1830s")."""
    words = text(told)
    if words.endswith("s") and (value := number(words[:-1])) is not None:
        return value
    match = _DURATION.fullmatch(words)
    if not match or words.upper() in ("P", "PT", "-P", "-PT"):
        return None
    sign, *parts = match.groups()
    seconds = 0.0
    for part, length in zip(parts, (604_800, 86_400, 3600, 60, 1), strict=True):
        value = number(part) if part else 0.0
        if value is None:
            return None
        seconds += value * length
    if not math.isfinite(seconds):
        return None
    return round(-seconds if sign else seconds, 6)


def offset_at(moment: datetime) -> int:
    """Seconds east of UTC of an aware time."""
    return round((moment.utcoffset() or timedelta()).total_seconds())


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970 UTC of an aware time."""
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))


def clock_ms(told: Sequence[str]) -> NDArray[np.int64]:
    """UTC milliseconds of texts of one form: 2026-03-02T16:04:00(.123)(Z), or 03/02/26 16:04:00. -1 where unreadable.

    For tens of thousands of rows at once; a text of another form is read on its own.
    """
    result = np.full(len(told), -1, np.int64)
    for index, words in enumerate(told):
        result[index] = _clock_ms(words)
    return result


def _clock_ms(words: str) -> int:
    try:
        if len(words) == 17 and words[2] == "/":
            day = _day_ms(f"20{words[6:8]}-{words[:2]}-{words[3:5]}")
            seconds = int(words[9:11]) * 3600 + int(words[12:14]) * 60 + int(words[15:17])
            return day + seconds * 1000 if day >= 0 else -1
        if len(words) >= 19 and words[4] == "-" and words[10] in "T " and words[19:] in ("", "Z"):
            day = _day_ms(words[:10])
            seconds = int(words[11:13]) * 3600 + int(words[14:16]) * 60 + int(words[17:19])
            return day + seconds * 1000 if day >= 0 else -1
    except ValueError:
        return -1
    moment = aware(words)
    return epoch_ms(moment) if moment is not None else -1


@lru_cache(maxsize=4096)
def _day_ms(day: str) -> int:
    try:
        return epoch_ms(datetime.fromisoformat(day).replace(tzinfo=UTC))
    except ValueError:
        return -1


# --- series ---------------------------------------------------------------------------------


def stream_of(points: Iterable[tuple[float | None, float | None]]) -> Stream | None:
    """The stream of (seconds from the start, value), sorted, one value a moment; None where nothing is told."""
    told = {time: value for time, value in points if time is not None and value is not None}
    if not told:
        return None
    times = sorted(told)
    return Stream(np.array(times, np.float64), np.array([told[time] for time in times], np.float64))


def streams_of(columns: Mapping[str, Iterable[tuple[float | None, float | None]]]) -> dict[str, Stream]:
    """The streams of which anything is told, by name."""
    found = {name: stream_of(points) for name, points in columns.items()}
    return {name: stream for name, stream in found.items() if stream is not None}


def positions(points: Iterable[tuple[float | None, float | None, float | None]]) -> dict[str, Stream]:
    """Latitude and longitude of (seconds, latitude, longitude); without 0/0 and what no globe has."""
    told = {
        time: (latitude, longitude)
        for time, latitude, longitude in points
        if time is not None
        and latitude is not None
        and longitude is not None
        and abs(latitude) <= 90
        and abs(longitude) <= 180
        and (latitude or longitude)
    }
    if not told:
        return {}
    times = sorted(told)
    axis = np.array(times, np.float64)
    return {
        name: Stream(axis, np.array([told[time][place] for time in times], np.float64))
        for place, name in enumerate(("latitude", "longitude"))
    }


def sample_table(
    metric: str,
    device: DeviceFacts,
    start_ms: NDArray[np.int64],
    end_ms: NDArray[np.int64],
    value: NDArray[np.float64],
) -> SampleTable | None:
    """Samples of one metric in its own unit; rows without a time or a number are left out. None where none is left."""
    good = np.isfinite(value) & (start_ms > EARLIEST_MS) & (start_ms < LATEST_MS) & (end_ms >= start_ms)
    if not good.any():
        return None
    start_ms, end_ms, value = start_ms[good], end_ms[good], value[good]
    rows = len(start_ms)
    unit = METRICS[metric].unit
    nothing = pa.nulls(rows, pa.dictionary(pa.int32(), pa.string()))
    units = pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), [unit])
    columns = [pa.array(start_ms), pa.array(end_ms), pa.array(value), nothing, units, nothing, nothing, nothing]
    return SampleTable(metric, device, pa.Table.from_arrays(columns, schema=SAMPLE_SCHEMA))
