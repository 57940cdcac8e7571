"""What every provider keeps, whoever it is: walks the registry."""

from __future__ import annotations

import importlib
import json
from dataclasses import astuple
from pathlib import Path

import pytest
from lxml import etree

from activities.domain.metrics import METRICS
from activities.domain.parsed import Parsed
from activities.domain.sleep import STAGES
from integrations.base import Provider
from integrations.files import FILE_KINDS
from integrations.registry import PROVIDERS
from trainstack import sports
from trainstack.units import rule

ROOT = Path(__file__).resolve().parent.parent.parent
providers = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS.keys())


def folder(provider: Provider) -> Path:
    return ROOT / "integrations/providers" / provider.slug


def samples(provider: Provider) -> list[Path]:
    """The sample payloads beside the provider's tests."""
    payloads = ROOT / "tests/integrations/providers" / provider.slug / "payloads"
    return sorted(path for path in payloads.rglob("*") if path.is_file())


def kind_of(provider: Provider, sample: Path) -> str:
    """The kind of record that a sample is: the folder it lies in, where the provider has several kinds."""
    return sample.parent.name if sample.parent.name in provider.parse else next(iter(provider.parse))


def parsed(provider: Provider) -> list[Parsed]:
    """What each sample tells, under an external id of its own."""
    return [
        provider.parse[kind_of(provider, path)](path.read_bytes(), f"id-{number}")
        for number, path in enumerate(samples(provider))
    ]


@providers
def test_provider_is_found_under_its_slug(provider: Provider) -> None:
    module = importlib.import_module(f"integrations.providers.{provider.slug}.provider")

    assert module.PROVIDER is provider
    assert PROVIDERS[provider.slug] is provider


@providers
def test_provider_has_a_readme_and_a_drawing_of_one_colour(provider: Provider) -> None:
    drawing = etree.parse(ROOT / "static" / provider.logo)

    assert (folder(provider) / "README.md").read_text().startswith(f"# {provider.name}\n")
    assert drawing.getroot().tag == "{http://www.w3.org/2000/svg}svg"
    colours = {
        value
        for element in drawing.iter()
        for name in ("fill", "stroke")
        if (value := element.get(name)) != "none" and value
    }
    assert len(colours) == 1
    assert not drawing.xpath("//@style | //*[local-name()='style' or local-name()='script']")


@providers
def test_provider_names_its_files_as_the_house_does(provider: Provider) -> None:
    assert (folder(provider) / "__init__.py").read_text() == ""
    assert {"provider.py", "mapping.py", "sports.py", "README.md"} <= {path.name for path in folder(provider).iterdir()}


@providers
def test_provider_says_how_its_data_come_in(provider: Provider) -> None:
    kinds = {way.kind for way in provider.ways_in}

    assert kinds != set()
    # Plain workout files of every provider are read by one reader for all.
    assert ("file" in kinds) == bool(provider.readers or FILE_KINDS.keys() & provider.parse.keys())
    assert all(way.title and way.steps for way in provider.ways_in)
    assert all(ending.startswith(".") for way in provider.ways_in for ending in way.accepts)
    assert [note for note in (provider.summary, *provider.notes) if not note.endswith(".")] == []


@providers
def test_provider_samples_parse_into_whole_values(provider: Provider) -> None:
    told = parsed(provider)
    activities = [activity for one in told for activity in one.activities]

    assert told
    assert all(one.activities or one.sleeps or one.days for one in told)
    assert bool(activities) == provider.capabilities.activities
    for activity in activities:
        assert activity.external_id
        assert activity.provider in ("", provider.slug)
        assert activity.start_time.utcoffset() is not None
        assert all(lap.start_time.utcoffset() is not None for lap in activity.laps)
        assert all(pause.start_time.utcoffset() is not None for pause in activity.pauses)
        assert sports.label(activity.sport)
        assert json.loads(json.dumps(activity.extra)) == activity.extra
        assert [value for value in astuple(activity) if isinstance(value, float) and value != value] == []
    assert len({activity.external_id for activity in activities}) == len(activities)
    for sleep in (sleep for one in told for sleep in one.sleeps):
        assert sleep.start_time.utcoffset() is not None
        assert sleep.end_time.utcoffset() is not None
        assert {stage for _, _, stage in sleep.stages} <= set(STAGES)
    assert {day.metric for one in told for day in one.days} <= METRICS.keys()


@providers
def test_provider_mapping_is_a_function_of_the_bytes(provider: Provider) -> None:
    assert parsed(provider) == parsed(provider)


@providers
def test_provider_sports_are_ours(provider: Provider) -> None:
    assert provider.sports
    assert sorted(set(provider.sports.values()) - set(sports.ALL)) == []


@providers
def test_provider_metrics_are_ours_and_in_our_units(provider: Provider) -> None:
    assert provider.capabilities.metrics or not provider.metrics
    for unit_rule in provider.metrics.values():
        assert unit_rule.unit == METRICS[unit_rule.metric].unit
        assert rule(unit_rule.unit, unit_rule.unit) == (1.0, 0.0)
    assert provider.words.keys() <= METRICS.keys()


@providers
def test_provider_words_of_sleep_are_our_stages(provider: Provider) -> None:
    assert provider.capabilities.sleep or not provider.stages
    assert set(provider.stages.values()) <= set(STAGES)
