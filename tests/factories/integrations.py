"""What a person brought, and the runs that read it."""

from __future__ import annotations

import hashlib

import factory

from integrations.models import Import, SyncRun
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
