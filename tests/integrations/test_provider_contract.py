"""What every provider keeps, whoever it is: walks the registry."""

from __future__ import annotations

import importlib
import json
import re
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from pytest_django.fixtures import Settings

from activities.domain.metrics import METRICS
from activities.domain.parsed import Parsed
from activities.domain.sleep import STAGES
from activities.models import DailyMetric, RawRecord, SampleChunk, SleepSession, SourceActivity
from integrations.base import Capabilities, Feed, Provider
from integrations.documentation import providers_markdown
from integrations.files import FILE_KINDS
from integrations.registry import PROVIDERS
from integrations.services import runs, syncing
from tests.integrations.consenting import connect
from tests.integrations.sandbox.serving import running
from trainstack import sports
from trainstack.accounts.models import User
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
    """What each sample tells, under an external id of its own; it begins with a date, as those of dated records do."""
    return [
        provider.parse[kind_of(provider, path)](path.read_bytes(), f"2026-03-02 {number}")
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

    assert kinds or provider.network
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
    assert all(one.activities or one.sleeps or one.days or one.samples or one.addition for one in told)
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
    def plain(one: Parsed) -> tuple[Parsed, list[dict[str, list[object]]]]:
        return replace(one, samples=()), [table.columns.to_pydict() for table in one.samples]

    assert list(map(plain, parsed(provider))) == list(map(plain, parsed(provider)))


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


# --- networks -------------------------------------------------------------------------------

NETWORKED = {slug: provider for slug, provider in PROVIDERS.items() if provider.network is not None}
networked = pytest.mark.parametrize("provider", NETWORKED.values(), ids=NETWORKED.keys())


@networked
def test_network_says_in_sentences_what_it_asks_for(provider: Provider) -> None:
    network = provider.network
    assert network is not None
    sentences = [
        *(scope.sentence for scope in network.oauth.scopes),
        *(setting.sentence for setting in network.settings),
        *network.terms.sentences,
        *network.operator_steps,
        *network.not_offered,
        *(network.webhooks.steps if network.webhooks else ()),
    ]

    assert network.oauth.scopes
    assert network.operator_steps
    assert network.not_offered
    assert [one for one in sentences if not one.rstrip("”)").endswith(".")] == []
    assert len({scope.name for scope in network.oauth.scopes}) == len(network.oauth.scopes)


@networked
def test_network_feeds_are_told_apart_and_need_scopes_that_are_asked_for(provider: Provider) -> None:
    network = provider.network
    assert network is not None
    asked = {scope.name for scope in network.oauth.scopes}

    assert network.feeds
    assert len({feed.name for feed in network.feeds}) == len(network.feeds)
    for feed in network.feeds:
        assert feed.title
        assert feed.title[0].islower() or feed.title.split()[0].isupper() or feed.title[1:2].isupper()
        assert set(feed.scopes) <= asked
        assert feed.every_s >= 60
        assert feed.history_days is None or feed.history_days > 0
    # What no feed brings over the network is ticked only where a file brings it.
    brought = {name for name, ticked in vars(network.brings).items() if ticked}
    ticked = {name for name, one in vars(provider.capabilities).items() if one}
    assert brought <= ticked
    assert provider.ways_in or ticked == brought


@networked
def test_network_is_reached_over_https_alone(provider: Provider) -> None:
    network = provider.network
    assert network is not None
    urls = [setting.default for setting in network.settings if setting.name.endswith("_URL")]
    addresses = [network.api_url, network.oauth.authorize_url, network.oauth.token_url, *urls]

    assert [one for one in addresses if not one.startswith("https://")] == []
    links = [network.terms.url, network.terms.attribution_url]
    assert [one for one in links if one and not one.startswith("https://")] == []
    assert [host for host in network.hosts if "/" in host or ":" in host] == []


@networked
def test_network_documents_every_setting(provider: Provider) -> None:
    network = provider.network
    assert network is not None
    told = providers_markdown().partition(f"\n## {provider.name}\n")[2].partition("\n## ")[0]
    names = [
        "CLIENT_ID",
        "CLIENT_SECRET",
        "AUTHORIZE_URL",
        "TOKEN_URL",
        "API_URL",
        *(one.name for one in network.settings),
    ]

    assert [name for name in names if f"`{provider.slug.upper()}_{name}`" not in told] == []


# --- what they really bring -----------------------------------------------------------------

FEEDS = [(provider, feed) for provider in NETWORKED.values() for feed in provider.network.feeds]
# So many days of the demo's athlete are told: more would be more of the same.
DEMO_DAYS = 21
BODY = {"weight", "body_fat", "body_mass_index", "height", "lean_body_mass", "waist_circumference", "bone_mass"}
SCORES = {
    metric
    for metric in METRICS
    if re.search("recovery|readiness|strain|recharge|ans_charge|resilience|resources", metric)
}
SCORES -= {"heart_rate_recovery"}


def flat(told: Any) -> list[int]:
    """The numbers in nested lists."""
    return [number for one in told for number in flat(one)] if isinstance(told, list) else [told]


def brought(user: User, provider: Provider) -> Capabilities:
    """What there is of the provider's in the database, each row with its source, its own word and its raw record."""
    mine = {"user": user, "provider": provider.slug}
    sources = list(SourceActivity.objects.filter(**mine).select_related("raw"))
    nights = list(SleepSession.objects.filter(**mine).select_related("raw"))
    days = list(DailyMetric.objects.filter(**mine).select_related("raw"))
    chunks = list(SampleChunk.objects.filter(user=user, device__provider=provider.slug))
    # A day that was summed up from samples stands on their records.
    sampled = {chunk.metric for chunk in chunks}
    behind = {row.raw for row in (*sources, *nights, *days) if row.raw or row.metric not in sampled}
    behind |= set(RawRecord.objects.filter(pk__in={raw_id for chunk in chunks for raw_id in flat(chunk.origins)}))
    assert None not in behind
    assert behind or not (sources or nights or days or chunks)
    for raw in behind:
        assert (raw.user_id, raw.provider) == (user.pk, provider.slug)
        assert raw.sightings.filter(connection__provider=provider.slug).exists()
    assert [source for source in sources if not source.provider_type] == []
    metrics = {day.metric for day in days} | sampled
    return Capabilities(
        activities=bool(sources),
        streams=any(source.streams for source in sources),
        laps=any(source.laps for source in sources),
        files=RawRecord.objects.filter(**mine, kind__in=["fit", "tcx", "gpx"]).exists(),
        routes=any("latitude" in source.streams for source in sources),
        sleep=bool(nights),
        hrv=any(metric.startswith("hrv") for metric in metrics),
        recovery=bool(metrics & SCORES),
        metrics=bool({metric for metric in metrics if not metric.startswith("hrv")} - SCORES - BODY),
        body=bool(metrics & BODY),
    )


@pytest.mark.django_db
@pytest.mark.parametrize(("provider", "feed"), FEEDS, ids=[f"{it.slug}: {feed.name}" for it, feed in FEEDS])
def test_feed_brings_what_it_ticks_and_nothing_else(
    provider: Provider, feed: Feed, user: User, settings: Settings, tmp_path: Path
) -> None:
    # Threads of their own would not see what the test's transaction holds.
    settings.SYNC_REQUESTS = 1
    with running(tmp_path / "sandbox.sqlite3", demo_days=DEMO_DAYS) as sandbox:
        settings.SANDBOX_URL = sandbox.url
        connection = connect(user, provider.slug, sandbox).connection
        syncing.stop(connection, keep_asks=False)

        run = syncing.request_sync(connection, "manual", looks={feed.name: "backfill"})
        runs.work(run.pk, slice_s=float("inf"))

    run.refresh_from_db()
    connection.refresh_from_db()
    # One that rests would say why in `doing`.
    assert (run.state, run.doing, run.error, connection.problem) == ("finished", "", "", "")
    assert list(connection.asks.failed().values_list("what", "error")) == []
    assert brought(user, provider) == feed.brings
