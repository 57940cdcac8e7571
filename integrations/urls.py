from django.urls import path

from integrations import views

app_name = "integrations"
urlpatterns = [
    path("imports/", views.imports, name="imports"),
    path("imports/arriving/", views.arriving, name="arriving"),
    path("imports/<int:pk>/", views.import_file, name="import"),
    path("imports/<int:pk>/progress/", views.progress, name="progress"),
    path("imports/<int:pk>/cancel/", views.cancel, name="cancel"),
    path("imports/<int:pk>/roll-back/", views.roll_back, name="roll_back"),
]
