"""What a person brought, and the work that reads it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class Import(models.Model):
    """One file or archive that a person brought. The row stays when the import is rolled back, and says so."""

    class State(models.TextChoices):
        WAITING = "waiting"
        READING = "reading"
        FINISHED = "finished"
        CANCELLED = "cancelled"
        FAILED = "failed"
        ROLLING_BACK = "rolling_back"
        ROLLED_BACK = "rolled_back"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="imports")
    name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    # Known once the bytes have been looked at.
    provider = models.CharField(max_length=32, blank=True)
    # Whose the files in it are where they do not tell, as the athlete said.
    chosen_provider = models.CharField(max_length=32, blank=True)
    # "upload", "api", "command" or "demo".
    brought_by = models.CharField(max_length=10, default="upload")
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    # What came in, in the shape of `integrations.services.imports.Report`.
    report = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["user", "-created_at"], name="import_newest")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_open(self) -> bool:
        return self.state in (self.State.WAITING, self.State.READING, self.State.ROLLING_BACK)


class SyncRun(models.Model):
    """One run of work, in slices. This row is the truth; the queue's message is only a nudge.

    A worker holds the run while `leased_by` is its own and `leased_until` lies ahead; see
    `integrations.services.runs`.
    """

    class Kind(models.TextChoices):
        IMPORT = "import"
        ROLLBACK = "rollback"
        RENORMALISE = "renormalise"

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        FINISHED = "finished"
        CANCELLED = "cancelled"
        FAILED = "failed"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sync_runs")
    kind = models.CharField(max_length=12, choices=Kind)
    import_file = models.ForeignKey(Import, null=True, blank=True, on_delete=models.CASCADE, related_name="runs")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # What is being read, in words for a person, and how far it is: bytes of the file, or steps.
    doing = models.CharField(max_length=200, blank=True)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    # Seconds of work so far, over all slices.
    busy_s = models.FloatField(default=0)
    # Where the next slice starts: written in the transaction that writes what was read up to there.
    cursor = models.JSONField(default=dict)
    counts = models.JSONField(default=dict)
    leased_by = models.CharField(max_length=36, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    # Slices begun. A nudge names the one that it asks for, so that a late or second one does nothing.
    slices = models.PositiveIntegerField(default=0)
    # Starts since the cursor last moved.
    attempts = models.PositiveSmallIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    error = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["state", "leased_until"], name="sync_run_due"),
            models.Index(fields=["user", "-created_at"], name="sync_run_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}: {self.state}"

    @property
    def is_open(self) -> bool:
        return self.state in (self.State.QUEUED, self.State.RUNNING)
