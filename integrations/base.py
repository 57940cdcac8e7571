"""What a provider declares about itself; everything that walks the providers reads it from here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Literal, Protocol

from activities.domain.metrics import MetricTable
from activities.domain.parsed import Parsed
from activities.domain.reading import Batch, RawPayload
from activities.formats.container import Container

# How a batch's counts tell what could not be read, beside the tag itself.
UNREADABLE = "unreadable:"
# The endings of workout files, for the file dialog.
FILE_ENDINGS = (".fit", ".tcx", ".gpx", ".gz", ".zip")


@dataclass(frozen=True)
class Capabilities:
    """What comes in from this provider."""

    activities: bool = False
    routes: bool = False
    sleep: bool = False
    metrics: bool = False


@dataclass(frozen=True)
class WayIn:
    """One way in which the data come: what the person does, step by step, and what is honest to say about it."""

    kind: Literal["file"]
    title: str
    steps: tuple[str, ...]
    # Endings of file names for the file dialog; what a file is, its bytes decide.
    accepts: tuple[str, ...]
    notes: tuple[str, ...] = ()


class Reader(Protocol):
    """Reads one kind of file that a person brings. Pure but for the file itself."""

    @property
    def name(self) -> str:
        """What the file is, for a person: "Apple Health export"."""
        ...

    def recognise(self, container: Container) -> bool:
        """Whether it is this reader's file, from its first bytes."""
        ...

    def stated_at(self, container: Container) -> datetime | None:
        """When the file says that it was made, from its first bytes."""
        ...

    def element_of(self, metric: str) -> str:
        """The tag under which `Batch.counts` counts what became samples of this metric."""
        ...

    def element_of_payload(self, payload: RawPayload) -> str:
        """The tag under which the payload was counted; empty for a file, and for what cannot be read."""
        ...

    def read(
        self, container: Container, *, cursor: Mapping[str, Any] | None = None, batch_bytes: int | None = None
    ) -> Iterator[Batch]:
        """The file from the cursor on, in batches of about `batch_bytes` of it (None: as the reader thinks best)."""
        ...


# The bytes of one raw record and its external id -> all that it tells. Pure. Raises
# `integrations.errors.UnexpectedPayload` where nothing of it can be read.
Parse = Callable[[bytes, str], Parsed]


@dataclass(frozen=True)
class Provider:
    """One provider. `integrations.registry.PROVIDERS` holds them all."""

    slug: str
    name: str
    # One sentence for its card, and what a person should know before trusting the figures.
    summary: str
    capabilities: Capabilities
    ways_in: tuple[WayIn, ...]
    # Raised when a mapping changes: stored raw records are then read again.
    mapping_version: int
    notes: tuple[str, ...] = ()
    readers: tuple[Reader, ...] = ()
    # Kind of raw record -> who reads it, best first: where records of several kinds share an external id (a file and
    # the provider's own row about it), the first gives the figures and the others fill in what it does not tell.
    parse: Mapping[str, Parse] = field(default_factory=dict)
    # The provider's identifiers of sample types -> our metrics.
    metrics: MetricTable = field(default_factory=dict)
    # The provider's sport names -> our codes.
    sports: Mapping[str, str] = field(default_factory=dict)
    # Metric -> what the `detail` of its samples says of their date, as figures by metric.
    dated: Mapping[str, Callable[[str], Mapping[str, float]]] = field(default_factory=dict)
    # Metric -> the number that each word of its samples stands for.
    words: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    # Words of sleep samples -> our stages, see `activities.domain.sleep`.
    stages: Mapping[str, str] = field(default_factory=dict)
    # The time zone that a sample's `detail` names.
    zone_of: Callable[[str], tzinfo | None] = lambda detail: None
    # Whether an activity's streams are the samples that fall inside it.
    streams_from_samples: bool = False

    @property
    def logo(self) -> str:
        """The static file with its drawing."""
        return f"providers/{self.slug}.svg"
