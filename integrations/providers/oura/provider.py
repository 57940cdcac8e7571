"""Oura: the API version 2."""

from __future__ import annotations

from integrations.base import Budget, Capabilities, Feed, Network, OAuth2, Provider, Scope, Terms
from integrations.providers.oura import mapping
from integrations.providers.oura.adapter import AGAIN_DAYS, OuraAdapter
from integrations.providers.oura.sports import SESSIONS, SPORTS
from integrations.providers.oura.webhook import OuraWebhooks

_EFFORTS = Capabilities(activities=True)
_NIGHTS = Capabilities(sleep=True, hrv=True, metrics=True)
_SCORES = Capabilities(recovery=True, metrics=True)
_FIGURES = Capabilities(metrics=True)


def _feed(name: str, title: str, brings: Capabilities, scope: str) -> Feed:
    return Feed(name, title, brings, (scope,), every_s=2 * 3600, again_days=AGAIN_DAYS)


NETWORK = Network(
    api_url="https://api.ouraring.com",
    oauth=OAuth2(
        authorize_url="https://cloud.ouraring.com/oauth/authorize",
        token_url="https://api.ouraring.com/oauth/token",  # noqa: S106
        scopes=(
            Scope("daily", "Your nights, and each day's sleep, readiness and activity scores with steps and energy."),
            Scope("workout", "Your workouts."),
            Scope("session", "The moments of breathing, meditation and rest that you recorded in the app."),
            Scope("heartrate", "Your heart rate by day and night, about every five minutes."),
            Scope("spo2Daily", "Your blood oxygen of each night."),
            Scope("stress", "Daytime stress and resilience."),
            Scope("heart_health", "Cardiovascular age and VO2 max."),
            Scope("personal", "Weight and height from your profile."),
        ),
        refresh="rotates",
    ),
    adapter=OuraAdapter(),
    feeds=(
        _feed("sleep", "nights and naps", _NIGHTS, "daily"),
        _feed("daily_readiness", "readiness", _SCORES, "daily"),
        _feed("daily_sleep", "sleep scores", _FIGURES, "daily"),
        _feed("daily_activity", "days", _FIGURES, "daily"),
        _feed("workout", "workouts", _EFFORTS, "workout"),
        _feed("session", "sessions", Capabilities(activities=True, streams=True), "session"),
        _feed("heartrate", "heart rate", _FIGURES, "heartrate"),
        _feed("daily_spo2", "blood oxygen", _FIGURES, "spo2Daily"),
        _feed("daily_stress", "stress", _SCORES, "stress"),
        _feed("daily_resilience", "resilience", Capabilities(recovery=True), "stress"),
        _feed("daily_cardiovascular_age", "cardiovascular age", _FIGURES, "heart_health"),
        _feed("vo2_max", "VO2 max", _FIGURES, "heart_health"),
        Feed("personal_info", "profile", Capabilities(body=True), ("personal",), every_s=24 * 3600),
    ),
    budgets=(Budget(5000, 300), Budget(5000, 300, "connection")),
    webhooks=OuraWebhooks(),
    terms=Terms(
        sentences=(
            "Oura asks you for each kind of data apart, and you can take your consent back there or here at any time.",
            "Newer rings need an active Oura membership; without it Oura gives nothing to others.",
            "Sleep, readiness, activity and resilience are Oura's own scores and are shown under its name.",
        ),
        url="https://support.ouraring.com/hc/en-us/articles/4415266939155-The-Oura-API",
        attribution="Data by Oura",
        attribution_url="https://ouraring.com/",
    ),
    operator_steps=(
        "Sign in at cloud.ouraring.com/oauth/applications and make an application.",
        "Enter this server's callback address as its redirect address, and tick all scopes.",
        "Set its client id and client secret. Webhooks are then set up by themselves.",
        "Up to ten people can connect until Oura has approved the application.",
    ),
    not_offered=(
        "Routes, laps, speed and the heart rate of a workout by itself: its chart is drawn from the heart rate of the "
        "day, one value in about five minutes.",
        "Weights of the past: only the one in the profile.",
        "Last night before the Oura app was opened: sleep and readiness come when the ring has synced.",
    ),
)  # fmt: skip

PROVIDER = Provider(
    slug=mapping.PROVIDER,
    name="Oura",
    summary="Nights with their stages, readiness, days and workouts of the Oura ring.",
    capabilities=Capabilities(
        activities=True, streams=True, sleep=True, hrv=True, recovery=True, metrics=True, body=True
    ),
    ways_in=(),
    notes=(
        "Sleep, readiness and activity scores keep Oura's own scales.",
        "Heart rate variability is rMSSD, the mean of the long sleep; resting heart rate is the night's lowest.",
        "Skin temperature is told against your own usual, not in absolute degrees.",
        "Averages differ a little from those in the app, which works with five minutes at a time.",
        "Breathing, meditation and rest are shown as activities of their own kind.",
    ),
    mapping_version=1,
    parse={
        "workout": mapping.parse_workout,
        "session": mapping.parse_session,
        "sleep": mapping.parse_sleep,
        "daily_sleep": mapping.parse_daily_sleep,
        "daily_readiness": mapping.parse_daily_readiness,
        "daily_activity": mapping.parse_daily_activity,
        "daily_spo2": mapping.parse_daily_spo2,
        "daily_stress": mapping.parse_daily_stress,
        "daily_resilience": mapping.parse_daily_resilience,
        "daily_cardiovascular_age": mapping.parse_daily_cardiovascular_age,
        "vo2_max": mapping.parse_vo2_max,
        "heartrate": mapping.parse_heartrate,
        "personal_info": mapping.parse_personal_info,
    },
    sports={**SPORTS, **SESSIONS},
    stages=mapping.STAGES,
    streams_from_samples=True,
    network=NETWORK,
)
