"""Polar: the account export of Polar Flow, and the AccessLink API."""

from __future__ import annotations

from activities.domain.metrics import UnitRule
from integrations.base import Budget, Capabilities, Feed, Network, OAuth2, Provider, Scope, Terms, WayIn
from integrations.files import FILE_KINDS
from integrations.providers.polar import accesslink, mapping
from integrations.providers.polar.adapter import ACTIVITY_DAYS, EXERCISE_DAYS, NIGHT_DAYS, PolarAdapter
from integrations.providers.polar.reader import ExportReader
from integrations.providers.polar.sports import SPORTS
from integrations.providers.polar.webhook import PolarWebhooks

_FIGURES = Capabilities(metrics=True)

NETWORK = Network(
    api_url="https://www.polaraccesslink.com",
    oauth=OAuth2(
        authorize_url="https://flow.polar.com/oauth2/authorization",
        token_url="https://polarremote.com/v2/oauth2/token",  # noqa: S106
        scopes=(
            Scope(
                "accesslink.read_all",
                "Your training sessions, nights, Nightly Recharge, days, heart rate and physical information. Polar "
                "asks for all of it at once.",
                required=True,
            ),
        ),
        client_auth="client_secret_basic",
        refresh="none",
        granted_in="none",
    ),
    adapter=PolarAdapter(),
    feeds=(
        Feed(
            "exercise", "training sessions",
            Capabilities(activities=True, streams=True, laps=True, files=True, routes=True),
            every_s=3600, history_days=EXERCISE_DAYS, again_days=EXERCISE_DAYS,
        ),
        Feed(
            "night", "nights", Capabilities(sleep=True, metrics=True), every_s=2 * 3600, history_days=NIGHT_DAYS,
            again_days=NIGHT_DAYS,
        ),
        Feed(
            "nightly_recharge", "nightly recharge", Capabilities(hrv=True, recovery=True, metrics=True),
            every_s=2 * 3600, history_days=NIGHT_DAYS, again_days=NIGHT_DAYS,
        ),
        Feed("daily_activity", "days", _FIGURES, every_s=2 * 3600, history_days=ACTIVITY_DAYS),
        Feed("heart_rate", "heart rate", _FIGURES, every_s=4 * 3600, history_days=NIGHT_DAYS),
        Feed(
            "cardio_load", "cardio load", Capabilities(recovery=True, metrics=True), every_s=6 * 3600,
            history_days=NIGHT_DAYS, again_days=NIGHT_DAYS,
        ),
        Feed("skin_temperature", "skin temperature", _FIGURES, every_s=6 * 3600, history_days=NIGHT_DAYS),
        Feed("spo2", "blood oxygen", _FIGURES, every_s=6 * 3600, history_days=NIGHT_DAYS),
        Feed(
            "physical_info", "physical information", Capabilities(body=True, metrics=True), every_s=12 * 3600,
        ),
    ),
    # 500 and 20 more for each account in a quarter of an hour, 5,000 and 100 more a day: the answers tell how many.
    budgets=(Budget(520, 900), Budget(5100, 86_400)),
    webhooks=PolarWebhooks(),
    terms=Terms(
        sentences=(
            "Polar gives an app only what it was sent after you connected, and the last month at most.",
            "You can end the connection here, or in Polar Flow under the partners of your account.",
        ),
        url="https://www.polar.com/accesslink-api/",
        attribution="Data by Polar",
        attribution_url="https://www.polar.com/",
    ),
    operator_steps=(
        "Sign in at admin.polaraccesslink.com with any Polar Flow account and create a client. Nobody approves it.",
        "Enter this server's callback address as its redirect address.",
        "Set the client id and the client secret. The webhook is then set up by itself.",
    ),
    not_offered=(
        "History: what Polar Flow held before you connected comes with its export only.",
        "Deletions older than a month: what vanished is seen by its absence from the list of the last 30 days.",
        "Ascent and averages of power, cadence and speed as Polar has them: they come out of the file and the series.",
        "Changes that are announced: an exercise that was renamed in Flow is seen at the next look.",
    ),
)  # fmt: skip

PROVIDER = Provider(
    slug=mapping.PROVIDER,
    name="Polar",
    summary="Training sessions, sleep, Nightly Recharge and days of Polar watches and of Polar Flow.",
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
        body=True,
    ),
    ways_in=(
        WayIn(
            kind="file",
            title="Export from your Polar account",
            steps=(
                "Open account.polar.com and sign in.",
                "Choose “Download your data” and confirm. It can take a while: an e-mail comes when it is ready.",
                "Download the zip and drop it here as it is.",
            ),
            accepts=(".zip", ".json", ".fit", ".tcx", ".gpx"),
            notes=(
                "The export holds your whole history, which Polar gives no app that you connect later.",
                "Single FIT, TCX and GPX files that Polar Flow exports work as well.",
            ),
        ),
    ),
    notes=(
        "Heart rate variability is rMSSD over the first four hours of sleep.",
        "Newer exports tell a sport only by a number. The common ones are known, the others show as “Other”.",
        "All-day heart rate tells local time only; it is placed by the time zone of the nights and sessions around it.",
        "The power of a single pedal is not shown as power.",
    ),
    mapping_version=1,
    readers=(ExportReader(),),
    parse={
        **FILE_KINDS,
        "training_session": mapping.parse_training_session,
        "sleep": mapping.parse_sleep,
        "nightly_recovery": mapping.parse_nightly_recovery,
        "activity": mapping.parse_activity,
        "calendar_items": mapping.parse_calendar_items,
        "fitness_test": mapping.parse_fitness_test,
        "detail": accesslink.parse_exercise,
        "exercise": accesslink.parse_exercise,
        "night": accesslink.parse_night,
        "nightly_recharge": accesslink.parse_nightly_recharge,
        "daily_activity": accesslink.parse_daily_activity,
        "heart_rate": accesslink.parse_continuous_heart_rate,
        "cardio_load": accesslink.parse_cardio_load,
        "skin_temperature": accesslink.parse_skin_temperature,
        "spo2": accesslink.parse_spo2,
        "physical_info": accesslink.parse_physical_info,
    },
    metrics={"247ohr": UnitRule("heart_rate", "bpm")},
    sports=SPORTS,
    stages={**mapping.STAGES, **accesslink.STAGES},
    network=NETWORK,
)
