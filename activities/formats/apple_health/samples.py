"""Samples gathered in columns: what a reader finds of Records, Correlations and rings, handed on as SampleTables."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from activities.domain.metrics import Converted, MetricTable, converted
from activities.domain.reading import SAMPLE_SCHEMA, DeviceFacts, SampleTable
from activities.formats.apple_health.elements import verbatim
from activities.formats.apple_health.identity import device_fields, source_key

QUANTITY = "HKQuantityTypeIdentifier"
NUMBER = r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_NUMBER = re.compile(NUMBER)
_DEVICE_ADDRESS = re.compile(r"HKDevice: 0x[0-9A-Fa-f]*")
_DIGITS = re.compile(r"(\d+)")
_KINDS = (("Watch", "watch"), ("iPhone", "phone"), ("iPad", "phone"), ("iPod", "phone"))


class Head(NamedTuple):
    """What many samples share: the type, its unit, who measured and with what software."""

    identifier: str
    unit: str
    metric: Converted
    version: str
    device: DeviceFacts


def number_of(told: str) -> float | None:
    """The finite number that the text is, in plain or scientific notation; None for all else."""
    if _NUMBER.fullmatch(told) is None:
        return None
    value = float(told)
    return value if math.isfinite(value) else None


def device_facts(name: str, described: str) -> DeviceFacts:
    """Who measured, from `sourceName` and Apple's description of the device ("" where none is told).

    The description's memory address says nothing: it changes from line to line.
    """
    return _device_facts(name, _DEVICE_ADDRESS.sub("", described))


@lru_cache(maxsize=4096)
def _device_facts(name: str, described: str) -> DeviceFacts:
    facts = device_fields(described)
    model, hardware = facts.get("model", ""), facts.get("hardware", "")
    kind = next((kind for word, kind in _KINDS if model.startswith(word) or hardware.startswith(word)), "unknown")
    return DeviceFacts(
        key=source_key(name),
        name=name,
        kind=kind if described else "app" if name else "unknown",
        manufacturer=facts.get("manufacturer", ""),
        model=model,
        hardware=hardware,
    )


def _rank(facts: DeviceFacts) -> tuple[object, ...]:
    """The more is known, and the newer the hardware, the higher; in the end any order that is always the same."""
    kinds = {"watch": 3, "phone": 2, "unknown": 1}
    numbers = [int(number) for number in _DIGITS.findall(facts.hardware)]
    known = (facts.hardware, facts.model, facts.manufacturer, facts.name)
    return (kinds.get(facts.kind, 0), bool(facts.model), numbers, *known)


class Words:
    """Texts by number, in the order of their first appearance."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._codes: dict[str, int] = {}

    def code(self, text: str) -> int:
        """The text's number; -1 for the empty text."""
        if not text:
            return -1
        code = self._codes.setdefault(text, len(self.texts))
        if code == len(self.texts):
            self.texts.append(text)
        return code

    def codes(self, texts: Iterable[str]) -> NDArray[np.int32]:
        return np.array([self.code(text) for text in texts], np.int32)


class Rows(NamedTuple):
    """Samples as columns. `value` is as told, NaN where there is none; codes are -1 where nothing is told."""

    head: NDArray[np.int32]
    start_ms: NDArray[np.int64]
    end_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    text: NDArray[np.int32]
    detail: NDArray[np.int32]

    def taken(self, which: NDArray[np.int64] | slice) -> Rows:
        """These of the rows."""
        return Rows(
            self.head[which], self.start_ms[which], self.end_ms[which], self.value[which], self.text[which],
            self.detail[which],
        )  # fmt: skip


class Gathered:
    """The samples of one batch. Rows come one by one or by the column; `tables` hands all of them on."""

    def __init__(self, units: MetricTable) -> None:
        self._units = units
        self._heads: list[Head] = []
        self._head_codes: dict[tuple[str, str, str, str, str], int] = {}
        self._single: list[tuple[int, int, int, float, int, int]] = []
        self._rows: list[Rows] = []
        self.words = Words()
        self.details = Words()

    def head(self, attributes: Mapping[str, str]) -> int:
        """The number of the head that these attributes tell."""
        get = attributes.get
        name, version, unit = get("sourceName", ""), get("sourceVersion", ""), get("unit", "")
        device = _DEVICE_ADDRESS.sub("", get("device", ""))
        told = (get("type", ""), unit, name, version, device)
        code = self._head_codes.setdefault(told, len(self._heads))
        if code == len(self._heads):
            metric = converted(self._units, told[0], unit)
            self._heads.append(Head(told[0], unit, metric, version, device_facts(name, device)))
        return code

    def are_quantities(self) -> NDArray[np.bool_]:
        """By head, whether its type is measured in numbers."""
        return np.array([head.identifier.startswith(QUANTITY) for head in self._heads], bool)

    def add(self, head: int, start_ms: int, end_ms: int, value: float | None, text: str, detail: bytes) -> None:
        self._single.append(
            (head, start_ms, end_ms, math.nan if value is None else value, self.words.code(text), self.detail(detail))
        )

    def add_rows(self, rows: Rows) -> None:
        self._rows.append(rows)

    def detail(self, inner: bytes) -> int:
        return self.details.code(verbatim(inner).strip())

    def tables(self) -> tuple[SampleTable, ...]:
        """Everything so far, by metric and device, in the order of their names."""
        rows = self._all_rows()
        if rows is None:
            return ()
        series: dict[tuple[str, str], list[int]] = {}
        for code, head in enumerate(self._heads):
            series.setdefault((head.metric.metric, head.device.key), []).append(code)
        facts: dict[str, DeviceFacts] = {}
        seen = np.bincount(rows.head, minlength=len(self._heads)) > 0
        for code, head in enumerate(self._heads):
            known = facts.get(head.device.key)
            if seen[code] and (known is None or _rank(head.device) > _rank(known)):
                facts[head.device.key] = head.device

        names = sorted(series)
        of_head = np.empty(len(self._heads), np.int32)
        for index, name in enumerate(names):
            of_head[series[name]] = index
        of_row = of_head[rows.head].astype(np.uint16 if len(names) < 1 << 16 else np.int32)
        order = np.argsort(of_row, kind="stable")
        rows = rows.taken(order)
        edges = np.searchsorted(of_row[order], np.arange(len(names) + 1))
        return tuple(
            SampleTable(metric, facts[key], self._columns(rows.taken(slice(first, last)), codes))
            for (metric, key), codes, first, last in zip(
                names, (series[name] for name in names), edges[:-1], edges[1:], strict=True
            )
            if last > first
        )

    def _all_rows(self) -> Rows | None:
        rows = list(self._rows)
        if self._single:
            kinds = (np.int32, np.int64, np.int64, np.float64, np.int32, np.int32)
            columns = zip(*self._single, strict=True)
            rows.append(Rows(*(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True))))
        return Rows(*(np.concatenate(columns) for columns in zip(*rows, strict=True))) if rows else None

    def _columns(self, rows: Rows, codes: Sequence[int]) -> pa.Table:
        """The rows of one series, whose heads are `codes`, with SAMPLE_SCHEMA."""
        heads = [self._heads[code] for code in codes]
        place = np.zeros(len(self._heads), np.int32)
        place[list(codes)] = np.arange(len(codes))
        head = place[rows.head]
        value = rows.value
        conversions = {each.metric for each in heads}
        if len(conversions) == 1:
            value = heads[0].metric.values(value)
        else:
            value = value.copy()
            of_head = np.array([list(conversions).index(each.metric) for each in heads])[head]
            for index, conversion in enumerate(conversions):
                mine = of_head == index
                value[mine] = conversion.values(value[mine])
        return pa.Table.from_arrays(
            [
                pa.array(rows.start_ms),
                pa.array(rows.end_ms),
                pa.array(value, from_pandas=True),
                _dictionary(rows.text, self.words.texts),
                _told([each.unit for each in heads], head),
                _told([each.version for each in heads], head),
                _told([each.device.hardware for each in heads], head),
                _dictionary(rows.detail, self.details.texts),
            ],
            schema=SAMPLE_SCHEMA,
        )


def _told(of_head: Sequence[str], head: NDArray[np.int32]) -> pa.DictionaryArray:
    words = Words()
    return _dictionary(words.codes(of_head)[head], words.texts)


def _dictionary(codes: NDArray[np.int32], texts: Sequence[str]) -> pa.DictionaryArray:
    """The column of these texts, with a dictionary of no others; -1 is null."""
    used = np.zeros(len(texts) + 1, bool)
    used[codes] = True  # -1 marks the one place too many
    used[-1] = False
    places = np.cumsum(used, dtype=np.int32) - 1
    empty = codes < 0
    indices = pa.array(places[codes], pa.int32(), mask=empty if empty.any() else None)
    told = [texts[place] for place in np.flatnonzero(used).tolist()]
    return pa.DictionaryArray.from_arrays(indices, pa.array(told, pa.string()))
