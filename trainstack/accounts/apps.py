from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "trainstack.accounts"
    label = "accounts"
    # allauth, which signs people in, is called "Accounts" already.
    verbose_name = "People"

    def ready(self) -> None:
        from django_q.signals import post_spawn

        from trainstack.accounts.quiet import no_query_log

        post_spawn.connect(no_query_log)
