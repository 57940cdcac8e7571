"""What a person brought and is connected with, and the runs that work on it."""

from __future__ import annotations

import hashlib

import factory

from integrations.models import Connection, Import, OpenAsk, SyncRun, WebhookReceipt
from integrations.registry import PROVIDERS
from tests.factories.accounts import UserFactory


class ImportFactory(factory.django.DjangoModelFactory[Import]):
    class Meta:
        model = Import

    user = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"export{n}.zip")
    sha256 = factory.LazyAttribute(lambda it: hashlib.sha256(it.name.encode()).hexdigest())
    size_bytes = 1000
    provider = "apple_health"


class SyncRunFactory(factory.django.DjangoModelFactory[SyncRun]):
    """A queued run that reads an import."""

    class Meta:
        model = SyncRun

    import_file = factory.SubFactory(ImportFactory)
    user = factory.SelfAttribute("import_file.user")
    kind = SyncRun.Kind.IMPORT


class ConnectionFactory(factory.django.DjangoModelFactory[Connection]):
    """A live connection with everything allowed; its credentials open nothing."""

    class Meta:
        model = Connection

    user = factory.SubFactory(UserFactory)
    provider = "strava"
    account_id = factory.Sequence(lambda n: f"{1000 + n}")
    account_name = "Lena Brandt"
    scopes = factory.LazyAttribute(lambda it: [scope.name for scope in PROVIDERS[it.provider].network.oauth.scopes])


class ConnectionRunFactory(factory.django.DjangoModelFactory[SyncRun]):
    """A queued run that syncs a connection."""

    class Meta:
        model = SyncRun

    connection = factory.SubFactory(ConnectionFactory)
    user = factory.SelfAttribute("connection.user")
    kind = SyncRun.Kind.SYNC
    trigger = "schedule"


class OpenAskFactory(factory.django.DjangoModelFactory[OpenAsk]):
    """A request that is still to be made."""

    class Meta:
        model = OpenAsk

    connection = factory.SubFactory(ConnectionFactory)
    what = "detail"
    key = factory.Sequence(lambda n: f"{5000 + n}")


class WebhookReceiptFactory(factory.django.DjangoModelFactory[WebhookReceipt]):
    """A delivery that waits to be worked off."""

    class Meta:
        model = WebhookReceipt

    provider = "strava"
    body = b'{"object_id": 7, "aspect_type": "create"}'
    sha256 = factory.LazyAttribute(lambda it: hashlib.sha256(it.body).hexdigest())
