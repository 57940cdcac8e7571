from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "trainstack.accounts"
    label = "accounts"
