"""Fitbit and Google Health: the account export, alone or inside a Google Takeout, and the Google Health API."""

from __future__ import annotations

from activities.domain.metrics import METRICS, UnitRule
from integrations.base import (
    Budget,
    Capabilities,
    Feed,
    Network,
    OAuth2,
    Provider,
    Scope,
    Setting,
    Terms,
    WayIn,
)
from integrations.files import FILE_KINDS
from integrations.providers.fitbit import health, mapping
from integrations.providers.fitbit.adapter import AGAIN_DAYS, GoogleHealthAdapter
from integrations.providers.fitbit.reader import CSV_SERIES, JSON_SERIES, ExportReader
from integrations.providers.fitbit.sports import SPORTS
from integrations.providers.fitbit.webhook import GoogleHealthWebhooks

_SCOPE = "https://www.googleapis.com/auth/googlehealth."
_ACTIVITY, _HEALTH = f"{_SCOPE}activity_and_fitness.readonly", f"{_SCOPE}health_metrics_and_measurements.readonly"
_SLEEP, _LOCATION = f"{_SCOPE}sleep.readonly", f"{_SCOPE}location.readonly"

NETWORK = Network(
    api_url="https://health.googleapis.com",
    oauth=OAuth2(
        authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
        token_url="https://oauth2.googleapis.com/token",  # noqa: S106
        scopes=(
            Scope(_ACTIVITY, "Your exercises, and each day's steps, distance, floors, energy and VO2 max."),
            Scope(_SLEEP, "Your nights and naps with their stages."),
            Scope(
                _HEALTH,
                "Heart rate, resting heart rate, heart rate variability, blood oxygen, breathing, skin temperature, "
                "weight and body fat.",
            ),
            Scope(_LOCATION, "The routes of your exercises. Without it they come without a map."),
        ),
        pkce=True,
        authorize_params={"access_type": "offline", "prompt": "consent", "include_granted_scopes": "true"},
        refresh="keeps",
    ),
    adapter=GoogleHealthAdapter(),
    feeds=(
        Feed(
            "exercise", "exercises", Capabilities(activities=True, streams=True, laps=True, files=True, routes=True),
            (_ACTIVITY,), again_days=AGAIN_DAYS,
        ),
        Feed("sleep", "nights and naps", Capabilities(sleep=True), (_SLEEP,), again_days=AGAIN_DAYS),
        Feed(
            "health", "nightly figures", Capabilities(hrv=True, metrics=True), (_HEALTH,), every_s=2 * 3600,
            again_days=AGAIN_DAYS,
        ),
        Feed(
            "activity", "days", Capabilities(metrics=True), (_ACTIVITY,), every_s=2 * 3600, again_days=AGAIN_DAYS,
        ),
        Feed(
            "heart_rate", "heart rate", Capabilities(metrics=True), (_HEALTH,), every_s=2 * 3600,
            again_days=AGAIN_DAYS,
        ),
        Feed("body", "weight and body fat", Capabilities(body=True), (_HEALTH,), every_s=6 * 3600),
    ),
    budgets=(Budget(300, 60, "connection"), Budget(120_000, 60)),
    settings=(
        Setting("REVOKE_URL", "Where a consent is ended.", secret=False, default="https://oauth2.googleapis.com/revoke"),
        Setting("WEBHOOK_SECRET", "The Authorization header of Google's webhooks: “Bearer ” and a long random text."),
    ),
    webhooks=GoogleHealthWebhooks(),
    terms=Terms(
        sentences=(
            "Your data stay with this server and are shown to you, and to those whom you let see them.",
            "You can take your consent back here, or in your Google account under “Third-party apps”, at any time.",
        ),
        url="https://developers.google.com/health",
        attribution="Data by Fitbit and Google Health",
        attribution_url="https://www.fitbit.com/",
    ),
    operator_steps=(
        "Make a project in the Google Cloud console and enable the Google Health API in it.",
        "Set up the consent screen with the scopes below, and create an OAuth client of the type “web application” "
        "with this server's callback address.",
        "Set its client id and client secret.",
        "Until Google has verified the project, 100 people can connect, and while it is “in testing” each consent ends "
        "after seven days.",
    ),
    not_offered=(
        "The old Fitbit Web API has ended: whoever was connected by it must consent anew.",
        "Sleep score, readiness and stress: they are in the app and in the export alone.",
        "Highest heart rate of an exercise, and power: the first is computed from the series.",
        "Heart rate second by second: it comes as the mean of each minute, and finer inside an exercise's file.",
    ),
)  # fmt: skip

PROVIDER = Provider(
    slug=mapping.PROVIDER,
    name="Fitbit",
    summary="Exercises, sleep, heart rate, steps and nightly figures of Fitbit trackers and Pixel watches.",
    capabilities=Capabilities(
        activities=True,
        streams=True,
        laps=True,
        files=True,
        routes=True,
        sleep=True,
        hrv=True,
        metrics=True,
        body=True,
    ),
    ways_in=(
        WayIn(
            kind="file",
            title="Export from Google Takeout",
            steps=(
                "Open takeout.google.com with the Google account that your Fitbit uses.",
                "Choose “Deselect all”, then select only “Fitbit” (newer accounts: “Google Health”).",
                "Go on, choose “Export once” and .zip, and create the export. An e-mail comes when it is ready, after "
                "minutes or hours.",
                "Download every part of it and drop the zips here as they are.",
            ),
            accepts=(".zip", ".json", ".csv", ".tcx"),
            notes=(
                "Each export holds your whole history. Bring a new one whenever you like: only what is new is added.",
                "An old “MyFitbitData” zip from fitbit.com works as well.",
            ),
        ),
    ),
    notes=(
        "Heart rate variability is rMSSD, measured while you sleep.",
        "Calories of exercises and days include what the body burns at rest.",
        "Old sleep logs tell local time without a zone. It is taken from Google's newer tables or your profile, and "
        "where neither is in the export, the times are shown as they stand.",
        "The export tells no points of a route, except in TCX files that were saved one by one.",
        "Heart rate comes every few seconds and feeds the charts of exercises.",
    ),
    mapping_version=1,
    readers=(ExportReader(),),
    parse={
        **FILE_KINDS,
        "exercise": mapping.parse_exercise,
        "google_exercise": mapping.parse_google_exercise,
        "google_sleep": mapping.parse_google_sleep,
        "sleep": mapping.parse_sleep,
        **mapping.DAY_FILES,
        **health.PARSE,
    },
    metrics={
        **{f"{name}.json": UnitRule(one.metric, METRICS[one.metric].unit) for name, one in JSON_SERIES.items()},
        **{
            f"{name}.csv {one.column}": UnitRule(one.metric, METRICS[one.metric].unit)
            for name, series in CSV_SERIES.items()
            for one in series
        },
    },
    sports=SPORTS,
    stages=mapping.STAGES,
    streams_from_samples=True,
    network=NETWORK,
)
