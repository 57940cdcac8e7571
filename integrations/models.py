"""What a person brought, whom they are connected with, and the work that reads what comes."""

from __future__ import annotations

from datetime import datetime

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


class Connection(models.Model):
    """One athlete's link to their account at a provider. The row outlives a disconnect: connecting the same account
    again takes it up, with all that came over it.
    """

    class State(models.TextChoices):
        ACTIVE = "active"
        # The provider takes our credentials no longer: the athlete must connect again.
        BROKEN = "broken"
        DISCONNECTED = "disconnected"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="connections")
    provider = models.CharField(max_length=32)
    # The provider's id and name of the account.
    account_id = models.CharField(max_length=255)
    account_name = models.CharField(max_length=255, blank=True)
    state = models.CharField(max_length=12, choices=State, default=State.ACTIVE)
    # The provider's token answer, encrypted with CREDENTIAL_KEYS; empty once disconnected.
    credentials = models.BinaryField(default=bytes, blank=True, editable=False)
    token_expires_at = models.DateTimeField(null=True, blank=True)
    # A worker refreshes the token until then; nobody else spends the refresh token meanwhile.
    refreshing_until = models.DateTimeField(null=True, blank=True)
    # What the athlete allowed, by the provider's names.
    scopes = models.JSONField(default=list)
    # Feed -> where its next look starts.
    cursors = models.JSONField(default=dict)
    connected_at = models.DateTimeField(default=timezone.now)
    disconnected_at = models.DateTimeField(null=True, blank=True)
    last_success_at = models.DateTimeField(null=True, blank=True)
    last_event_at = models.DateTimeField(null=True, blank=True)
    # When the schedule looks at it next.
    next_sync_at = models.DateTimeField(null=True, blank=True)
    # Feed -> when a look at it was last asked for; "relist" of one -> when all of it was last listed once more.
    looked_at = models.JSONField(default=dict)
    # What is wrong, in a sentence for the athlete, and since when; empty where all is well.
    problem = models.TextField(blank=True)
    problem_since = models.DateTimeField(null=True, blank=True)
    # When the athlete was last written to about it.
    mailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "provider", "account_id"], name="connection_unique"),
            models.UniqueConstraint(
                fields=["provider", "account_id"],
                name="connection_account_once",
                condition=~models.Q(state="disconnected"),
                violation_error_message="This account is connected to another user of this server.",
            ),
            models.UniqueConstraint(
                fields=["user", "provider"],
                name="connection_one_a_provider",
                condition=~models.Q(state="disconnected"),
            ),
        ]
        indexes = [models.Index(fields=["state", "next_sync_at"], name="connection_due")]

    def __str__(self) -> str:
        return f"{self.provider} {self.account_id}"

    @property
    def is_live(self) -> bool:
        return self.state == self.State.ACTIVE


class OpenAskQuerySet(models.QuerySet["OpenAsk"]):
    def open(self) -> OpenAskQuerySet:
        """Those that are to be made, now or later."""
        return self.filter(failed_at=None, empty_at=None)

    def due(self, now: datetime) -> OpenAskQuerySet:
        """Those that are to be made now, the most urgent first."""
        return self.open().filter(not_before__lte=now).order_by("rank", "pk")

    def failed(self) -> OpenAskQuerySet:
        """Those that were given up."""
        return self.filter(failed_at__isnull=False)


class OpenAsk(models.Model):
    """A request that is still to be made: an `integrations.base.Ask` of a connection.

    It goes in the transaction that stores its answer. One that is asked for again while it is being made stays: its
    `number` has grown. One that completes a list's element and was answered with nothing stays too, so that it is not
    made again until the element changes.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="asks")
    what = models.CharField(max_length=40)
    key = models.CharField(max_length=255)
    feed = models.CharField(max_length=40, blank=True)
    # The kind of the list element that it completes; empty for lists and all else.
    of = models.CharField(max_length=32, blank=True)
    params = models.JSONField(default=dict)
    rank = models.PositiveSmallIntegerField(default=0)
    number = models.PositiveIntegerField(default=0)
    asked_at = models.DateTimeField(default=timezone.now)
    not_before = models.DateTimeField(default=timezone.now)
    # Failures so far, and the last one in a sentence; given up where `failed_at` is told.
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    # When it was answered with nothing.
    empty_at = models.DateTimeField(null=True, blank=True)

    objects = OpenAskQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "what", "key"], name="open_ask_unique")]
        indexes = [
            models.Index(
                fields=["connection", "rank", "id"],
                name="open_ask_next",
                condition=models.Q(failed_at__isnull=True, empty_at__isnull=True),
            ),
            models.Index(
                fields=["not_before"],
                name="open_ask_due",
                condition=models.Q(failed_at__isnull=True, empty_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.key}"


class SyncRun(models.Model):
    """One run of work, in slices. This row is the truth; the queue's message is only a nudge.

    A worker holds the run while `leased_by` is its own and `leased_until` lies ahead; see
    `integrations.services.runs`.
    """

    class Kind(models.TextChoices):
        IMPORT = "import"
        ROLLBACK = "rollback"
        RENORMALISE = "renormalise"
        SYNC = "sync"
        # Removes what came over a connection: all of it, or what the provider's terms let us keep no longer.
        FORGET = "forget"

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        FINISHED = "finished"
        CANCELLED = "cancelled"
        FAILED = "failed"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sync_runs")
    kind = models.CharField(max_length=12, choices=Kind)
    import_file = models.ForeignKey(Import, null=True, blank=True, on_delete=models.CASCADE, related_name="runs")
    connection = models.ForeignKey(Connection, null=True, blank=True, on_delete=models.CASCADE, related_name="runs")
    # What had it start: "connect", "manual", "schedule", "webhook", "command"; empty where that is plain.
    trigger = models.CharField(max_length=10, blank=True)
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
    # It rests until then, because a provider wants it to or what it asks for is not ready; others go on meanwhile.
    waits_until = models.DateTimeField(null=True, blank=True)
    # When a slice of it last ended: of several runs of one user that can go on, the one that waited longest does.
    worked_at = models.DateTimeField(null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)
    error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection"],
                name="sync_run_one_open_a_connection",
                condition=models.Q(kind="sync", state__in=["queued", "running"]),
            )
        ]
        indexes = [
            models.Index(fields=["state", "leased_until"], name="sync_run_due"),
            models.Index(fields=["user", "-created_at"], name="sync_run_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}: {self.state}"

    @property
    def is_open(self) -> bool:
        return self.state in (self.State.QUEUED, self.State.RUNNING)


class RateBudget(models.Model):
    """How much of one window of a provider's rate limit is spent; shared by all workers."""

    # "strava:900:read", with the connection's id where the limit is for each account.
    key = models.CharField(max_length=100, unique=True)
    limit = models.PositiveIntegerField()
    used = models.PositiveIntegerField(default=0)
    resets_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.key}: {self.used} of {self.limit}"


class WebhookSubscription(models.Model):
    """Where a provider sends its webhooks to, as it told us when we asked it to."""

    provider = models.CharField(max_length=32)
    external_id = models.CharField(max_length=255)
    topic = models.CharField(max_length=80, blank=True)
    callback_url = models.CharField(max_length=500)
    # What it signs with, encrypted with CREDENTIAL_KEYS; empty where that is a setting.
    secret = models.BinaryField(default=bytes, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "external_id"], name="webhook_subscription_unique")]

    def __str__(self) -> str:
        return f"{self.provider} {self.topic or self.external_id}"


class WebhookReceipt(models.Model):
    """One delivery exactly as it came, stored before anything else is done with it."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        FAILED = "failed"

    provider = models.CharField(max_length=32)
    received_at = models.DateTimeField(default=timezone.now)
    headers = models.JSONField(default=dict)
    query = models.JSONField(default=dict)
    body = models.BinaryField(editable=False)
    sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    # A worker is at it until then.
    leased_until = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    # What came of it, or why nothing did.
    note = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["state", "received_at"], name="webhook_receipt_waiting"),
            models.Index(fields=["provider", "-received_at"], name="webhook_receipt_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.received_at:%Y-%m-%d %H:%M:%S}"


class WebhookRefusal(models.Model):
    """How many deliveries of a day were refused because the provider had not sent them; their bodies are not kept."""

    provider = models.CharField(max_length=32)
    day = models.DateField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "day"], name="webhook_refusal_unique")]

    def __str__(self) -> str:
        return f"{self.provider} {self.day}: {self.count}"
