from __future__ import annotations

import json
from pathlib import Path

from activities.domain.metrics import METRICS
from integrations.providers.apple_health.metrics import METRIC_OF

TOTALS = ("sum", "duration")


def test_metric_of_covers_every_documented_quantity(shared: Path) -> None:
    documented = json.loads((shared / "providers/specs/apple_health/healthkit-identifiers.json").read_text())

    for row in documented["quantityIdentifiers"]:
        rule = METRIC_OF[row["name"]]
        metric = METRICS[rule.metric]
        assert rule.convert(row["canonicalUnit"] or "count") is not None, row["name"]
        assert (metric.aggregate in TOTALS) == (row["aggregationStyle"] == "Cumulative"), row["name"]
        assert rule.fraction == (row["canonicalUnit"] == "%"), row["name"]


def test_metric_of_gives_each_type_a_metric_of_its_own() -> None:
    slugs = [rule.metric for rule in METRIC_OF.values()]

    assert len(set(slugs)) == len(slugs)
    assert {identifier: rule.unit for identifier, rule in METRIC_OF.items()} == {
        identifier: METRICS[rule.metric].unit for identifier, rule in METRIC_OF.items()
    }
