"""Whose a file is by the device or app that made it."""

from __future__ import annotations

import pytest

from integrations.creators import SLUGS, provider_of
from integrations.files import FILE_KINDS
from integrations.registry import PROVIDERS


def test_every_provider_that_a_file_can_name_reads_every_kind_of_file() -> None:
    assert [slug for slug in sorted(SLUGS) if slug not in PROVIDERS or FILE_KINDS.keys() - PROVIDERS[slug].parse] == []


@pytest.mark.parametrize(
    ("kind", "creator", "slug"),
    [
        ("fit", "garmin", "garmin"),
        ("fit", "wahoo_fitness", "wahoo"),
        ("fit", "hammerhead", ""),
        ("fit", "", ""),
        ("fit", "265", ""),
        ("tcx", "Garmin Forerunner 935", "garmin"),
        ("tcx", "Forerunner 310XT", "garmin"),
        ("tcx", "fēnix 6", "garmin"),
        ("tcx", "Edge 520", "garmin"),
        ("tcx", "Wedge 520", ""),
        ("tcx", "Polar V800", "polar"),
        ("tcx", "Fitbit Charge 4", "fitbit"),
        ("tcx", "ELEMNT BOLT", "wahoo"),
        ("gpx", "StravaGPX Android", "strava"),
        ("gpx", "strava.com iPhone", "strava"),
        ("gpx", "Garmin Connect", "garmin"),
        ("gpx", "https://www.komoot.de", "komoot"),
        ("gpx", "Runtastic: Life is short - live long, http://www.runtastic.com", "adidas_running"),
        ("gpx", "Movescount - http://www.movescount.com", "suunto"),
        ("gpx", "COROS Wearables", "coros"),
        ("gpx", "Apple Health Export", ""),
        ("gpx", "OpenTracks", ""),
    ],
)
def test_provider_of(kind: str, creator: str, slug: str) -> None:
    assert provider_of(kind, creator) == slug
