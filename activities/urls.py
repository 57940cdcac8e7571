from datetime import date

from django.urls import path, register_converter

from activities import sources_views, views


class Day:
    """A date such as 2026-05-02; one that no calendar has is no address."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        return date.fromisoformat(value)

    def to_url(self, value: date) -> str:
        return value.isoformat()


register_converter(Day, "day")

app_name = "activities"
urlpatterns = [
    path("", views.today, name="today"),
    path("activities/", views.activities, name="activities"),
    path("activities/<int:pk>/", views.activity, name="activity"),
    path("activities/<int:pk>/sources/", sources_views.sources, name="sources"),
    path("activities/<int:pk>/sources/<int:source>/primary/", sources_views.make_primary, name="make_primary"),
    path("activities/<int:pk>/sources/<int:source>/split/", sources_views.split_off, name="split_off"),
    path("activities/<int:pk>/automatic/", sources_views.automatic, name="automatic"),
    path("activities/<int:pk>/decisions/<int:decision>/withdraw/", sources_views.withdraw, name="withdraw"),
    path("review/", sources_views.review, name="review"),
    path("review/<int:pk>/same/", sources_views.answer, {"same": True}, name="same"),
    path("review/<int:pk>/different/", sources_views.answer, {"same": False}, name="different"),
    path("repair/", sources_views.repair, name="repair"),
    path("undo/", sources_views.undo, name="undo"),
    path("account/sources/<slug:kind>/", sources_views.priorities_page, name="priorities"),
    path("account/sources/<slug:kind>/preview/", sources_views.preview, name="preview"),
    path("sleep/", views.sleep, name="sleep"),
    path("sleep/<day:day>/", views.night, name="night"),
    path("metrics/", views.metrics, name="metrics"),
    path("metrics/<path:slug>/", views.metric, name="metric"),
    path("account/delete/", views.delete_account, name="delete_account"),
]
