"""Apple's dates, "2026-03-02 17:10:04 +0100", as milliseconds since 1970 in UTC; one by one, or by the column."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

DATE_BYTES = 25
DAY_MS = 86_400_000
_DATE = re.compile(
    r"\s*(\d{4})-(\d{1,2})-(\d{1,2})[ T]+(\d{1,2}):(\d{2}):(\d{2})(\.\d{1,9})?"
    r"\s*(?:(Z|UTC|GMT)|([+-])(\d{2}):?(\d{2}))?\s*",
    re.ASCII,
)
_DAY = re.compile(r"\s*(\d{4})-(\d{1,2})-(\d{1,2})\s*", re.ASCII)
_EPOCH = date(1970, 1, 1).toordinal()
# Within these every time zone's wall clock is still a date that Python and databases know.
_FIRST_MS = int(datetime(1, 1, 3, tzinfo=UTC).timestamp()) * 1000
_LAST_MS = int(datetime(9999, 12, 29, tzinfo=UTC).timestamp()) * 1000

# Days from 1970 to the first of each month, and the month's length, by year * 12 + month - 1.
_MONTHS = np.arange(12, 10_000 * 12)
_FIRST_DAYS = np.zeros(10_000 * 12 + 1, np.int32)
_FIRST_DAYS[12 : 10_000 * 12] = (_MONTHS - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
_LENGTHS = np.zeros(10_000 * 12, np.int32)
_LENGTHS[12:-1] = np.diff(_FIRST_DAYS[12:-1])
_LENGTHS[-1] = 31

_DIGITS = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 21, 22, 23, 24]
_MARKS = [4, 7, 10, 13, 16, 19]
_MARK_BYTES = np.frombuffer(b"-- :: ", np.uint8)[:, None]


@lru_cache(maxsize=256)
def date_ms(told: str) -> int | None:
    """Milliseconds since 1970; None where it is no date. Without an offset it is taken for UTC."""
    match = _DATE.fullmatch(told)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.group(1, 2, 3, 4, 5, 6))
    sign, hours, minutes = match.group(9), int(match.group(10) or 0), int(match.group(11) or 0)
    if hour > 23 or minute > 59 or second > 59 or hours > 23 or minutes > 59:
        return None
    try:
        days = date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        return None
    offset_s = (hours * 3600 + minutes * 60) * (-1 if sign == "-" else 1)
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset_s
    milliseconds = seconds * 1000 + (int(float(match.group(7)) * 1000) if match.group(7) else 0)
    return milliseconds if _FIRST_MS <= milliseconds <= _LAST_MS else None


def date_of(told: str) -> datetime | None:
    """The aware time with the offset as told."""
    milliseconds, match = date_ms(told), _DATE.fullmatch(told)
    if milliseconds is None or match is None:
        return None
    minutes = int(match.group(10) or 0) * 60 + int(match.group(11) or 0)
    zone = timezone(timedelta(minutes=-minutes if match.group(9) == "-" else minutes))
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(zone)


def day_ms(told: str) -> int | None:
    """Midnight UTC of "2026-03-02"; None where it is no day."""
    match = _DAY.fullmatch(told)
    return date_ms(f"{match.group(1)}-{match.group(2)}-{match.group(3)} 00:00:00") if match else None


def dates_ms(rows: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The dates of an (n, 25) matrix of bytes, and which of them are dates in exactly Apple's form."""
    columns = np.ascontiguousarray(rows.T)
    digits = columns[_DIGITS] - np.uint8(48)
    good = (digits <= 9).all(axis=0) & (columns[_MARKS] == _MARK_BYTES).all(axis=0)
    sign = columns[20]
    good &= (sign == ord("+")) | (sign == ord("-"))
    # Two digits always fit a byte; what is no digit is out already.
    pairs = digits[0::2] * np.uint8(10) + digits[1::2]
    century, year, month, day, hour, minute, second, hours, minutes = pairs
    good &= (month - np.uint8(1) < 12) & (hour < 24) & (minute < 60) & (second < 60) & (hours < 24) & (minutes < 60)
    months = (century.astype(np.int32) * 100 + year) * 12 + month - 1
    months[~good] = 0
    good &= (day > 0) & (day <= _LENGTHS[months])
    offset = hours.astype(np.int32) * 60 + minutes
    np.negative(offset, out=offset, where=sign == ord("-"))
    wall = (hour.astype(np.int32) * 60 + minute - offset) * 60 + second
    milliseconds = ((_FIRST_DAYS[months] + day - 1).astype(np.int64) * 86_400 + wall) * 1000
    good &= (milliseconds >= _FIRST_MS) & (milliseconds <= _LAST_MS)
    return milliseconds, good
