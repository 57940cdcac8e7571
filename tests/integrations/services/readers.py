"""Readers of Apple's export to which something happens: a second process imports this module."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from activities.domain.reading import Batch
from activities.formats.container import BadFile, Container
from integrations.providers.apple_health.reader import ExportReader


@dataclass(frozen=True)
class Interrupted(ExportReader):
    """Reads some batches, and then ends as it is told, where that has not happened `times` already.

    `notes` is a file with a line for each process that read: its id, and how often it was interrupted.
    """

    notes: str = ""
    after: int = 1
    how: str = ""
    times: int = 1

    def read(
        self, container: Container, *, cursor: Mapping[str, Any] | None = None, batch_bytes: int | None = None
    ) -> Iterator[Batch]:
        with open(self.notes, "a+") as notes:
            notes.seek(0)
            before = len(notes.readlines())
            notes.write(f"{os.getpid()}\n")
        for number, batch in enumerate(super().read(container, cursor=cursor, batch_bytes=batch_bytes)):
            if number == self.after and before < self.times:
                if self.how == "bad file":
                    raise BadFile(f"{container.name} ends in the middle.")
                if self.how == "sleep":
                    time.sleep(60)
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch
