"""Strava: its API, and the archive of an account."""

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
    Terms,
    WayIn,
)
from integrations.files import FILE_KINDS
from integrations.providers.strava import mapping
from integrations.providers.strava.adapter import AGAIN, FEED, StravaAdapter
from integrations.providers.strava.reader import ExportReader
from integrations.providers.strava.sports import SPORTS
from integrations.providers.strava.webhook import StravaWebhooks

_QUARTER_S, _DAY_S = 900, 86_400

NETWORK = Network(
    api_url="https://www.strava.com/api/v3",
    oauth=OAuth2(
        authorize_url="https://www.strava.com/oauth/authorize",
        token_url="https://www.strava.com/api/v3/oauth/token",  # noqa: S106
        scopes=(
            Scope("read", "Your name on Strava, so that you see whose account is connected."),
            Scope(
                "activity:read",
                "Your activities that everyone or your followers may see, without what lies in your privacy zones.",
                required=True,
            ),
            Scope(
                "activity:read_all",
                "Your activities that only you may see, and the whole track of all of them.",
            ),
        ),
        scope_separator=",",
        authorize_params={"approval_prompt": "auto"},
        # It may bring a new refresh token, which ends the older one; with more than an hour left nothing changes.
        refresh="rotates",
        granted_in="callback",
    ),
    adapter=StravaAdapter(),
    feeds=(
        Feed(
            name=FEED,
            title="activities",
            brings=Capabilities(activities=True, streams=True, laps=True, routes=True),
            scopes=("activity:read",),
            every_s=3600,
            again_days=AGAIN.days,
        ),
    ),
    budgets=(
        Budget(200, _QUARTER_S),
        Budget(2_000, _DAY_S),
        Budget(100, _QUARTER_S, kind="read"),
        Budget(1_000, _DAY_S, kind="read"),
    ),
    settings=(
        Setting(
            "REVOKE_URL",
            "Where a consent is ended.",
            secret=False,
            default="https://www.strava.com/oauth/revoke",
        ),
    ),
    webhooks=StravaWebhooks(),
    terms=Terms(
        sentences=(
            "Strava allows an app to keep what its API tells for seven days. To keep it for good, bring the archive "
            "of your account as a file.",
            "Strava allows it to be shown to you and to nobody else, not even to your coach.",
            "It must not be given to an AI, nor be put together with other people's data.",
            "What you delete at Strava must be gone here within 48 hours, and everything within 30 days of the end of "
            "your consent.",
        ),
        url="https://www.strava.com/legal/api",
        keep_days=7,
        only_athlete=True,
        attribution="Powered by Strava",
        attribution_url="https://www.strava.com",
    ),
    operator_steps=(
        "Make an app on strava.com/settings/api. The standard tier needs a paid Strava subscription of yours.",
        "Its “Authorization Callback Domain” is the host of this server; localhost is allowed.",
        "A new app may connect one athlete, ten after you raise it there yourself, more after a review by Strava.",
        "Set STRAVA_CLIENT_ID and STRAVA_CLIENT_SECRET to what the app's page shows.",
        "Strava counts requests for all athletes of an app together: 100 reads in 15 minutes and 1,000 a day at first, "
        "which is about 480 activities a day.",
    ),
    not_offered=(
        "Strava's API has no original files: the tracks are Strava's own streams. The archive has the files.",
        "No nights, no heart rate variability, no daily figures and no history of your weight.",
        "With less than all of your activities allowed, the ends of tracks in your privacy zones are cut off.",
    ),
)

PROVIDER = Provider(
    slug=mapping.PROVIDER,
    name="Strava",
    summary="Every activity of an account with its original file, its name, gear and description.",
    capabilities=Capabilities(activities=True, streams=True, laps=True, routes=True),
    ways_in=(
        WayIn(
            kind="file",
            title="Archive of the account",
            steps=(
                "On strava.com open Settings, then My Account.",
                "Under “Download or Delete Your Account” choose “Get Started”.",
                "In step 2 choose “Request Your Archive”. The link comes by e-mail, mostly within some hours.",
                "Drop the zip here as it is.",
            ),
            accepts=(".zip", ".csv", *FILE_ENDINGS[:4]),
            notes=("Only the second step is needed: nothing is deleted by it.",),
        ),
    ),
    notes=(
        "What the file tells counts first. Name, type, gear and description come from Strava itself.",
        "An average power without a power meter is Strava's estimate, and marked as one.",
        "An archive holds the files as they were uploaded: crops made on Strava are not in them.",
    ),
    mapping_version=1,
    readers=(ExportReader(),),
    parse={
        **FILE_KINDS,
        "detail": mapping.parse_detail,
        "summary": mapping.parse_summary,
        "row": mapping.parse_row,
        "streams": mapping.parse_streams,
        "laps": mapping.parse_laps,
    },
    sports=SPORTS,
    network=NETWORK,
)
