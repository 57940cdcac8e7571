"""The one table that choices, pages, filters and tests derive from: a new provider is one more line."""

from __future__ import annotations

from activities.formats.container import Container
from integrations.base import Provider, Reader
from integrations.providers.apple_health.provider import PROVIDER as APPLE_HEALTH

PROVIDERS: dict[str, Provider] = {provider.slug: provider for provider in (APPLE_HEALTH,)}


def reader_of(container: Container) -> tuple[Provider, Reader] | None:
    """Whose file this is and who reads it; None where no provider knows it."""
    for provider in PROVIDERS.values():
        for reader in provider.readers:
            if reader.recognise(container):
                return provider, reader
    return None
