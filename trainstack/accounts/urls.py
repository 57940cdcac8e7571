from django.urls import path

from trainstack.accounts import views

app_name = "accounts"
urlpatterns = [
    path("account/", views.account, name="settings"),
    path("account/heart-rate/", views.set_max_heart_rate, name="set_max_heart_rate"),
    path("account/figures/<int:pk>/remove/", views.remove_parameter, name="remove_parameter"),
    path("account/tokens/", views.make_token, name="make_token"),
    path("account/tokens/<int:pk>/revoke/", views.revoke_token, name="revoke_token"),
    path("mail/", views.mails, name="mails"),
]
