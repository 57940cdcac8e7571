"""Suunto: its Cloud API, and FIT files of your workouts."""

from __future__ import annotations

from integrations.base import (
    FILE_ENDINGS,
    Capabilities,
    Feed,
    Network,
    OAuth2,
    Provider,
    Scope,
    Setting,
    WayIn,
)
from integrations.providers.suunto import mapping
from integrations.providers.suunto.adapter import (
    ACTIVITY,
    AGAIN,
    RECOVERY,
    SLEEP,
    STATISTICS,
    WORKOUTS,
    SuuntoAdapter,
)
from integrations.providers.suunto.reader import DeviceLogReader
from integrations.providers.suunto.sports import SPORTS
from integrations.providers.suunto.webhook import SuuntoWebhooks

_HOURS_6 = 6 * 3600

NETWORK = Network(
    api_url="https://cloudapi.suunto.com",
    oauth=OAuth2(
        authorize_url="https://cloudapi-oauth.suunto.com/oauth/authorize",
        token_url="https://cloudapi-oauth.suunto.com/oauth/token",  # noqa: S106
        scopes=(Scope("workout", "Your workouts and their files, your nights, your recovery and your days."),),
        client_auth="client_secret_basic",
        refresh="rotates",
        granted_in="none",
    ),
    adapter=SuuntoAdapter(),
    feeds=(
        Feed(
            name=WORKOUTS,
            title="workouts",
            brings=Capabilities(activities=True, streams=True, laps=True, files=True, routes=True),
            every_s=3600,
            # Looked for by when they were modified, so nothing is read twice.
            again_days=0,
        ),
        Feed(
            name=SLEEP,
            title="nights and naps",
            brings=Capabilities(sleep=True, hrv=True, metrics=True),
            every_s=_HOURS_6,
            again_days=AGAIN.days,
        ),
        Feed(
            name=RECOVERY,
            title="weeks of recovery",
            brings=Capabilities(recovery=True),
            every_s=_HOURS_6,
            again_days=AGAIN.days,
        ),
        Feed(
            name=ACTIVITY,
            title="weeks of pulse and steps",
            brings=Capabilities(metrics=True, hrv=True),
            every_s=_HOURS_6,
            again_days=AGAIN.days,
        ),
        Feed(
            name=STATISTICS,
            title="weeks of daily totals",
            brings=Capabilities(metrics=True),
            every_s=_HOURS_6,
            again_days=AGAIN.days,
        ),
    ),
    settings=(
        Setting("SUBSCRIPTION_KEY", "The key of your subscription on apizone.suunto.com, sent with every request."),
        Setting("WEBHOOK_SECRET", "The secret that you entered for notifications on apizone.suunto.com."),
        Setting(
            "REVOKE_URL",
            "Where a consent is ended.",
            secret=False,
            default="https://cloudapi-oauth.suunto.com/oauth/deauthorize",
        ),
    ),
    webhooks=SuuntoWebhooks(),
    operator_steps=(
        "Suunto gives keys to partners only: a company or an organisation applies on apizone.suunto.com, which takes "
        "about two weeks and a contract.",
        "Make an app there and enter this server's callback address as its redirect URI.",
        "Subscribe to the workout product, and to the 24/7 product for nights, recovery and days.",
        "Set SUUNTO_CLIENT_ID, SUUNTO_CLIENT_SECRET, SUUNTO_SUBSCRIPTION_KEY and SUUNTO_WEBHOOK_SECRET.",
        "Suunto tells its limits to its partners only. They count for all athletes of a subscription together.",
    ),
    not_offered=(
        "Nights come with the length of each stage, not with when it was.",
        "Suunto does not say when a workout was deleted: that is found when all of them are listed again.",
        "Neither weight nor other measurements of the body.",
    ),
)

PROVIDER = Provider(
    slug=mapping.PROVIDER,
    name="Suunto",
    summary="Workouts of Suunto watches and dive computers, with nights, recovery and days where you connect it.",
    capabilities=Capabilities(
        activities=True,
        streams=True,
        laps=True,
        files=True,
        routes=True,
        sleep=True,
        hrv=True,
        recovery=True,
        metrics=True,
    ),
    ways_in=(
        WayIn(
            kind="file",
            title="FIT files of your workouts",
            steps=(
                "In the Suunto app open the workout, tap the three dots and choose “Export FIT file”.",
                "For all of them at once ask Suunto for your personal data, in the app's privacy settings.",
                "Drop the files or the zip here as they are.",
            ),
            accepts=(*FILE_ENDINGS, ".json"),
            notes=("Recordings as the watch itself writes them (JSON that begins with “DeviceLog”) are read too.",),
        ),
    ),
    notes=("GPX files of Movescount are read too. They hold the track and often no heart rate.",),
    mapping_version=1,
    readers=(DeviceLogReader(),),
    parse={
        **mapping.FILES,
        "device_log": mapping.parse_device_log,
        "workout": mapping.parse_workout,
        "sleep": mapping.parse_sleep,
        "recovery": mapping.parse_recovery,
        "activity": mapping.parse_activity,
        "statistics": mapping.parse_statistics,
    },
    sports=SPORTS,
    network=NETWORK,
)
