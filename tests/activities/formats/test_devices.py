from __future__ import annotations

import pytest

from activities.formats.devices import device_kind
from activities.models import Device


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Garmin Edge 1000", "computer"),
        ("EDGE705", "computer"),
        ("Wahoo ELEMNT BOLT", "computer"),
        ("Hammerhead Karoo 2", "computer"),
        ("Polar M460", "computer"),
        ("fēnix 3 HR", "watch"),
        ("vívoactive HR", "watch"),
        ("Forerunner 945", "watch"),
        ("Garmin Swim", "watch"),
        ("Polar V800", "watch"),
        ("Polar Vantage V", "watch"),
        ("Fitbit Ionic", "watch"),
        ("TomTom Runner", "watch"),
        ("COROS PACE 3", "watch"),
        ("Apple Watch", "watch"),
        ("vívosmart 4", "band"),
        ("Fitbit Charge 5", "band"),
        ("StravaGPX iPhone", "phone"),
        ("Oura Ring", "ring"),
        ("Garmin Connect", "app"),
        ("Polar BEAT", "app"),
        ("OpenTracks (Debug)", "app"),
        ("Knowledge base", "unknown"),
        ("eTrex 30", "unknown"),
        ("", "unknown"),
    ],
)
def test_device_kind(name: str, kind: str) -> None:
    assert device_kind(name) == kind
    assert kind in Device.Kind.values
