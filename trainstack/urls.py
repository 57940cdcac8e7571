"""Every address of the portal."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.account.urls")),
    path("api/v1/", include("trainstack.api_urls")),
    path("", include("trainstack.accounts.urls")),
    path("", include("integrations.urls")),
    path("", include("activities.urls")),
]
