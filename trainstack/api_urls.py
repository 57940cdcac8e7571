"""Every route of the API; included at /api/v1/."""

from __future__ import annotations

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from activities import api as activities
from activities import sources_api as sources
from integrations import api as integrations
from integrations import webhooks
from trainstack.accounts import api as accounts
from trainstack.api import NoSuchRoute

router = SimpleRouter(use_regex_path=False)
router.register("activities", activities.ActivityViewSet, basename="activity")
router.register("links", sources.LinkViewSet, basename="link")
router.register("suggestions", sources.SuggestionViewSet, basename="suggestion")
router.register("raw-records", activities.RawRecordViewSet, basename="raw-record")
router.register("sleep", activities.SleepViewSet, basename="sleep")
router.register("metrics/daily", activities.DailyMetricViewSet, basename="daily-metric")
router.register("sample-devices", activities.DeviceViewSet, basename="sample-device")
router.register("imports", integrations.ImportViewSet, basename="import")
router.register("connections", integrations.ConnectionViewSet, basename="connection")
router.register("sync-runs", integrations.SyncRunViewSet, basename="sync-run")
router.register("athlete-parameters", accounts.AthleteParameterViewSet, basename="athlete-parameter")
router.register("tokens", accounts.TokenViewSet, basename="token")

urlpatterns = [
    path("", include(router.urls)),
    path("metrics/", activities.SeriesView.as_view(), name="series"),
    path("metrics/samples/", activities.SamplesView.as_view(), name="samples"),
    path("source-priorities/", sources.SourcePrioritiesView.as_view(), name="source-priorities"),
    path("source-priorities/preview/", sources.PreviewView.as_view(), name="source-priorities-preview"),
    path("account/", accounts.AccountView.as_view(), name="account"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("webhooks/<slug:slug>/", webhooks.receive, name="webhook"),
    re_path(r"", NoSuchRoute.as_view(), name="no-such-route"),
]
