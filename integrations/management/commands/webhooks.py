"""`manage.py webhooks`: where providers send their webhooks to, and what there is to do about it."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Max

from integrations import configuring, webhooks
from integrations.base import Provider
from integrations.errors import ProviderError
from integrations.models import WebhookReceipt, WebhookRefusal, WebhookSubscription
from integrations.registry import PROVIDERS


def providers() -> list[Provider]:
    """Those with webhooks, by name."""
    found = [it for it in PROVIDERS.values() if it.network and it.network.webhooks]
    return sorted(found, key=lambda it: it.name.lower())


class Command(BaseCommand):
    help = (
        "Lists where providers send their webhooks to, and makes, renews and ends subscriptions. "
        "The schedule makes and renews by itself what connected providers need."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        for name, sentence in (
            ("list", "what stands, what came, and what the operator has to do"),
            ("subscribe", "make what is missing, and renew what ends soon"),
            ("renew", "give every subscription a later end"),
            ("unsubscribe", "end the subscriptions of this server"),
        ):
            action = actions.add_parser(name, help=sentence, description=sentence)
            action.add_argument("--provider", choices=[it.slug for it in providers()], help="this one only")
            if name == "unsubscribe":
                action.add_argument("--id", default="", help="the provider's id of one subscription, also another's")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = [it for it in providers() if options["provider"] in (None, it.slug)]
        action = options["action"]
        if action == "list":
            for provider in chosen:
                self._list(provider)
        elif action == "unsubscribe":
            if options["id"] and not options["provider"]:
                raise CommandError("--id needs --provider.")
            self._each(chosen, lambda it: webhooks.unsubscribe(it, external_id=options["id"]), options["provider"])
        else:
            do = webhooks.subscribe if action == "subscribe" else webhooks.renew
            self._each(chosen, do, options["provider"])

    def _each(self, chosen: Iterable[Provider], do: Callable[[Provider], list[str]], named: str | None) -> None:
        """Do it for every provider that takes it; those that do not say why where they were named."""
        failed = []
        for provider in chosen:
            unset = configuring.missing_for_webhooks(provider)
            if unset or not configuring.webhooks_of(provider).by_call:
                why = f"set {', '.join(unset)} first" if unset else "webhooks are set up in its portal (see list)"
                if named:
                    failed.append(f"{provider.name}: {why}.")
                continue
            try:
                said = do(provider)
            except ProviderError as error:
                failed.append(f"{provider.name}: {error}")
                continue
            for sentence in said or [f"{provider.name}: nothing to do."]:
                self.stdout.write(sentence)
        if failed:
            raise CommandError("\n".join(failed))

    def _list(self, provider: Provider) -> None:
        declared = configuring.webhooks_of(provider)
        self.stdout.write(f"{provider.name}: {configuring.webhook_url(provider)}")
        if unset := configuring.missing_for_webhooks(provider):
            self.stdout.write(f"  Not taken: set {', '.join(unset)}.")
        if declared.by_call:
            rows = WebhookSubscription.objects.filter(provider=provider.slug).order_by("topic", "pk")
            for row in rows:
                until = f", until {row.expires_at:%Y-%m-%d %H:%M} UTC" if row.expires_at else ""
                self.stdout.write(f"  Subscription {row.external_id}{f' ({row.topic})' if row.topic else ''}{until}")
            if not rows:
                self.stdout.write("  No subscription; `manage.py webhooks subscribe` makes it.")
        else:
            for number, step in enumerate(declared.steps, start=1):
                self.stdout.write(f"  {number}. {step}")
        last = WebhookReceipt.objects.filter(provider=provider.slug).aggregate(last=Max("received_at"))["last"]
        refused = WebhookRefusal.objects.filter(provider=provider.slug).order_by("-day").first()
        self.stdout.write(f"  Last delivery: {f'{last:%Y-%m-%d %H:%M} UTC' if last else 'none yet'}.")
        if refused:
            self.stdout.write(f"  Refused as forged on {refused.day}: {refused.count}.")
