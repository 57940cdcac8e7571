from django.urls import path

from integrations import connect_views, connections_views, views, webhooks

app_name = "integrations"
urlpatterns = [
    path("imports/", views.imports, name="imports"),
    path("imports/arriving/", views.arriving, name="arriving"),
    path("imports/<int:pk>/", views.import_file, name="import"),
    path("imports/<int:pk>/progress/", views.progress, name="progress"),
    path("imports/<int:pk>/cancel/", views.cancel, name="cancel"),
    path("imports/<int:pk>/roll-back/", views.roll_back, name="roll_back"),
    path("connections/", connections_views.connections, name="connections"),
    path("connections/live/", connections_views.live, name="connections_live"),
    path("connections/<slug:slug>/connect/", connections_views.connect, name="connect"),
    path("connections/<slug:slug>/go/", connect_views.go, name="go"),
    path("connections/<slug:slug>/callback/", connect_views.callback, name="callback"),
    path("webhooks/<slug:slug>/", webhooks.receive, name="webhook"),
    path("connections/<int:pk>/", connections_views.connection, name="connection"),
    path("connections/<int:pk>/live/", connections_views.work, name="connection_work"),
    path("connections/<int:pk>/sync/", connections_views.sync_now, name="sync_now"),
    path("connections/<int:pk>/try-again/", connections_views.try_again, name="try_again"),
    path("connections/<int:pk>/disconnect/", connections_views.disconnect, name="disconnect"),
]
