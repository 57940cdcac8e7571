"""Wahoo: its API, and FIT files of your workouts."""

from __future__ import annotations

from integrations.base import (
    FILE_ENDINGS,
    Budget,
    Capabilities,
    Feed,
    Network,
    OAuth2,
    Provider,
    Scope,
    Setting,
    WayIn,
)
from integrations.providers.wahoo import mapping
from integrations.providers.wahoo.adapter import AGAIN, POWER_ZONES, WORKOUTS, WahooAdapter
from integrations.providers.wahoo.sports import SPORTS
from integrations.providers.wahoo.webhook import WahooWebhooks

NETWORK = Network(
    api_url="https://api.wahooligan.com",
    oauth=OAuth2(
        authorize_url="https://api.wahooligan.com/oauth/authorize",
        token_url="https://api.wahooligan.com/oauth/token",  # noqa: S106
        scopes=(
            Scope("user_read", "Your name, so that you see whose account is connected.", required=True),
            Scope("workouts_read", "Your workouts, their figures and their files.", required=True),
            Scope("power_zones_read", "Your functional threshold power."),
            Scope("offline_data", "To be told of new workouts at once instead of looking for them every hour."),
        ),
        pkce=True,
        refresh="rotates",
        # The older tokens stay until the new access token is used for the first time.
        repeats_refresh=True,
        granted_in="token",
    ),
    adapter=WahooAdapter(),
    feeds=(
        Feed(
            name=WORKOUTS,
            title="workouts",
            brings=Capabilities(activities=True, streams=True, laps=True, files=True, routes=True),
            scopes=("workouts_read",),
            every_s=3600,
            again_days=AGAIN.days,
        ),
        Feed(
            name=POWER_ZONES,
            title="power zones",
            brings=Capabilities(metrics=True),
            scopes=("power_zones_read",),
            every_s=86_400,
        ),
    ),
    budgets=(Budget(200, 300), Budget(1_000, 3_600), Budget(5_000, 86_400)),
    hosts=("cdn.wahooligan.com",),
    settings=(
        Setting("WEBHOOK_SECRET", "A long word of your own, the same as the token of the app's webhook at Wahoo."),
    ),
    webhooks=WahooWebhooks(),
    operator_steps=(
        "Make an app on developers.wahooligan.com. A sandbox app works at once, a production app after a review.",
        "Enter this server's callback address as its redirect URI.",
        "Set WAHOO_CLIENT_ID and WAHOO_CLIENT_SECRET to what the app's page shows.",
        "Wahoo counts requests for all athletes of an app together: 200 in five minutes, 1,000 an hour and 5,000 a "
        "day; of a sandbox app 25, 100 and 250. Files do not count.",
    ),
    not_offered=(
        "Wahoo's API has neither nights nor daily figures.",
        "Workouts that Wahoo was told of by other apps are left out by its API.",
        "It does not say when a workout was deleted: that is found when the list is read again.",
    ),
)

PROVIDER = Provider(
    slug=mapping.PROVIDER,
    name="Wahoo",
    summary="Rides and runs of ELEMNT computers, RIVAL watches and the Wahoo app.",
    capabilities=Capabilities(
        activities=True, streams=True, laps=True, files=True, routes=True, sleep=False, metrics=True
    ),
    ways_in=(
        WayIn(
            kind="file",
            title="FIT files of your workouts",
            steps=(
                "In the Wahoo app open the workout, tap the share symbol and choose “Share FIT file”.",
                "Or connect the ELEMNT by cable and copy the folder “exports”.",
                "Drop the files here, several at once or as a zip.",
            ),
            accepts=FILE_ENDINGS,
        ),
    ),
    notes=("The figures are those of the file: the computer's own totals and every point it recorded.",),
    mapping_version=1,
    parse={**mapping.FILES, "workout": mapping.parse_workout, "power_zones": mapping.parse_power_zones},
    sports=SPORTS,
    network=NETWORK,
)
