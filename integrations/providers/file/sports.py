"""The sports that a TCX file can name -> ours; FIT and GPX have their own words (`activities.formats`)."""

from __future__ import annotations

from trainstack.sports import GENERIC

SPORTS: dict[str, str] = {
    "Running": "running",
    "Biking": "cycling",
    "Other": GENERIC,
    "MultiSport": "multisport",
}
