"""WHOOP: the developer API, version 2."""

from __future__ import annotations

from integrations.base import Budget, Capabilities, Feed, Network, OAuth2, Provider, Scope, Terms
from integrations.providers.whoop import mapping
from integrations.providers.whoop.adapter import AGAIN, WhoopAdapter
from integrations.providers.whoop.sports import SPORTS
from integrations.providers.whoop.webhook import WhoopWebhooks

# 10,000 requests a day are for the whole app, and one look takes six.
EVERY_S = 3 * 3600

NETWORK = Network(
    api_url="https://api.prod.whoop.com/developer",
    oauth=OAuth2(
        authorize_url="https://api.prod.whoop.com/oauth/oauth2/auth",
        token_url="https://api.prod.whoop.com/oauth/oauth2/token",  # noqa: S106
        scopes=(
            Scope("offline", "Stay connected when you are not here. Without it the connection ends in an hour.", True),
            Scope("read:profile", "Your name and your WHOOP number, by which we know your account.", True),
            Scope("read:workout", "Your workouts with heart rate, zones, energy and strain."),
            Scope("read:sleep", "Your nights and naps, their stages and how well you slept. Recovery needs them too."),
            Scope("read:recovery", "Your recovery with HRV, resting heart rate, blood oxygen and skin temperature."),
            Scope("read:cycles", "The strain and the energy of each day."),
            Scope("read:body_measurement", "Your height, weight and maximum heart rate."),
        ),
        refresh_params={"scope": "offline"},
        refresh="rotates",
    ),
    adapter=WhoopAdapter(),
    feeds=(
        Feed("workout", "workouts", Capabilities(activities=True), ("read:workout",), EVERY_S, again_days=AGAIN.days),
        Feed(
            "sleep", "nights and naps", Capabilities(sleep=True, metrics=True), ("read:sleep",), EVERY_S,
            again_days=AGAIN.days,
        ),
        Feed(
            "recovery", "recoveries", Capabilities(hrv=True, recovery=True, metrics=True),
            ("read:recovery", "read:sleep"), EVERY_S, again_days=AGAIN.days,
        ),
        Feed(
            "cycle", "days", Capabilities(recovery=True, metrics=True), ("read:cycles",), EVERY_S,
            again_days=AGAIN.days,
        ),
        Feed("body", "body measurements", Capabilities(metrics=True, body=True), ("read:body_measurement",), 24 * 3600),
    ),
    budgets=(Budget(100, 60), Budget(10_000, 86_400)),
    webhooks=WhoopWebhooks(),
    terms=Terms(
        sentences=(
            "WHOOP shows you whom you let read your data, and you can take it back there or here at any time.",
            "Recovery, strain and sleep performance are WHOOP's own figures and are shown under its name.",
        ),
        url="https://developer.whoop.com/api-terms-of-use",
        attribution="Data by WHOOP",
        attribution_url="https://www.whoop.com/",
    ),
    operator_steps=(
        "You need a WHOOP membership of your own: sign in at developer-dashboard.whoop.com with it and make a team.",
        "Create an app, enter this server's callback address as its redirect URL, and tick all scopes.",
        "Set its client id and client secret.",
        "Up to ten members can connect until WHOOP has approved the app, which you apply for in the dashboard.",
    ),
    not_offered=(
        "Heart rate through a workout or a day: WHOOP gives averages and zones only.",
        "Routes, laps, power and cadence.",
        "When each stage of a night began: WHOOP gives the total of each stage.",
        "Steps, and the sets and repetitions of Strength Trainer.",
    ),
)  # fmt: skip

PROVIDER = Provider(
    slug=mapping.PROVIDER,
    name="WHOOP",
    summary="Recovery, strain, nights and workouts of the WHOOP band.",
    capabilities=Capabilities(activities=True, sleep=True, hrv=True, recovery=True, metrics=True, body=True),
    ways_in=(),
    notes=(
        "Recovery, strain and sleep performance keep WHOOP's own scales.",
        "A day of WHOOP lasts from falling asleep to falling asleep; its figures stand on the day of waking up.",
        "Heart rate variability is rMSSD, skin temperature is absolute.",
        "Energy is told in kilojoules, resting energy included, and shown in kilocalories.",
        "Saunas, massages and ice baths are workouts to WHOOP; here they are “preparation and recovery”.",
    ),
    mapping_version=1,
    parse={
        "workout": mapping.parse_workout,
        "sleep": mapping.parse_sleep,
        "recovery": mapping.parse_recovery,
        "cycle": mapping.parse_cycle,
        "body": mapping.parse_body,
    },
    sports=SPORTS,
    network=NETWORK,
)
