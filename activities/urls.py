from datetime import date

from django.urls import path, register_converter

from activities import views


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
    path("sleep/", views.sleep, name="sleep"),
    path("sleep/<day:day>/", views.night, name="night"),
    path("metrics/", views.metrics, name="metrics"),
    path("metrics/<path:slug>/", views.metric, name="metric"),
    path("account/delete/", views.delete_account, name="delete_account"),
]
