"""Whole payloads, typed by hand from the providers' sheets: `cases/<provider>/<what>.json`.

A case names one of the four `workouts/` that every provider gets, or has a workout of its own. It leaves out the keys
of a payload that are null; a provider's own test says which keys must be there.
"""

import json
from datetime import date
from pathlib import Path

import pytest

from workouts.domain.coercion import Code
from workouts.domain.document import athlete_of, workout_of
from workouts.exporters import EXPORTERS

HERE = Path(__file__).parent
CASES = sorted((HERE / "cases").glob("*/*.json"))
DAY = date(2026, 12, 1)


def without_nulls(told):
    if isinstance(told, dict):
        return {name: without_nulls(value) for name, value in told.items() if value is not None}
    return [without_nulls(value) for value in told] if isinstance(told, list | tuple) else told


def workout_in(case):
    told = case["workout"]
    return workout_of((HERE / "workouts" / f"{told}.json").read_bytes() if isinstance(told, str) else told)


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_export_gives_the_payload_and_the_warnings(path):
    case = json.loads(path.read_bytes())

    export = EXPORTERS[path.parent.name].export(workout_in(case), athlete_of(case.get("athlete", {})), DAY)

    assert without_nulls(export.payload) == case["payload"]
    assert [(it.code, it.path) for it in export.coercion_warnings] == [
        (Code(code), where) for code, where in case["warnings"]
    ]
    assert list(export.steps.values()) == case["steps"]
