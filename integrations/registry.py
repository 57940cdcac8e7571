"""The one table that choices, pages, filters and tests derive from: a new provider is one more line."""

from __future__ import annotations

from activities.formats.container import Container
from integrations.base import Provider, Reader
from integrations.files import FILE_KINDS
from integrations.mixed import MixedReader, Part
from integrations.providers.adidas_running.provider import PROVIDER as ADIDAS_RUNNING
from integrations.providers.apple_health.provider import PROVIDER as APPLE_HEALTH
from integrations.providers.coros.provider import PROVIDER as COROS
from integrations.providers.file.provider import PROVIDER as FILE
from integrations.providers.fitbit.provider import PROVIDER as FITBIT
from integrations.providers.garmin.provider import PROVIDER as GARMIN
from integrations.providers.health_connect.provider import PROVIDER as HEALTH_CONNECT
from integrations.providers.komoot.provider import PROVIDER as KOMOOT
from integrations.providers.oura.provider import PROVIDER as OURA
from integrations.providers.peloton.provider import PROVIDER as PELOTON
from integrations.providers.polar.provider import PROVIDER as POLAR
from integrations.providers.samsung_health.provider import PROVIDER as SAMSUNG_HEALTH
from integrations.providers.strava.provider import PROVIDER as STRAVA
from integrations.providers.suunto.provider import PROVIDER as SUUNTO
from integrations.providers.trainingpeaks.provider import PROVIDER as TRAININGPEAKS
from integrations.providers.wahoo.provider import PROVIDER as WAHOO
from integrations.providers.whoop.provider import PROVIDER as WHOOP
from integrations.providers.zwift.provider import PROVIDER as ZWIFT

# In the order in which a file is offered to their readers: what reads any workout file comes last.
PROVIDERS: dict[str, Provider] = {
    provider.slug: provider
    for provider in (
        ADIDAS_RUNNING,
        APPLE_HEALTH,
        COROS,
        FITBIT,
        GARMIN,
        HEALTH_CONNECT,
        KOMOOT,
        OURA,
        PELOTON,
        POLAR,
        SAMSUNG_HEALTH,
        STRAVA,
        SUUNTO,
        TRAININGPEAKS,
        WAHOO,
        WHOOP,
        ZWIFT,
        FILE,
    )
}


def choosable() -> list[Provider]:
    """Those whose plain workout files there are: whom an athlete may name where a file does not tell."""
    return [it for it in PROVIDERS.values() if it is not FILE and not FILE_KINDS.keys().isdisjoint(it.parse)]


def reader_of(container: Container) -> tuple[Provider, Reader] | None:
    """Whose file this is and who reads it; None where no provider knows it.

    A zip of several exports, or of an export and workout files beside it, has a reader for each.
    """
    parts = _parts(container)
    if len(parts) > 1:
        return FILE, MixedReader(parts)
    return _one_reader_of(container)


def _one_reader_of(container: Container) -> tuple[Provider, Reader] | None:
    for provider in PROVIDERS.values():
        for reader in provider.readers:
            if reader.recognise(container):
                return provider, reader
    return None


def _parts(container: Container) -> list[Part]:
    """The archives inside that are somebody's export, and all else that can be read; none for one export."""
    if not container.archives:
        return []
    beside = _one_reader_of(container.part())
    if beside and beside[0] is not FILE:
        # What an export has inside itself belongs to it.
        return []
    found = [(archive, _one_reader_of(container.part(archive))) for archive in container.archives]
    if all(one is None or one[0] is FILE for _, one in found):
        return []
    told = [*found, ("", beside)]
    return [Part(archive, *one, is_named=one[0] is not FILE) for archive, one in told if one]
