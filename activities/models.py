"""What was told, byte for byte, and what was read from it.

RawRecord rows are never updated: the database refuses it (`activities.triggers`). Everything else here can be
rebuilt from them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone


class RawRecord(models.Model):
    """One payload exactly as it came. The bytes lie in the raw storage under `<user>/<sha256>`.

    Holds only what was known when the bytes came. Written through `activities.services.raw.store_raw` only.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="raw_records")
    provider = models.CharField(max_length=32)
    # What the payload is: "export", "workout", "route", "file", ... ; each provider's README lists its kinds.
    kind = models.CharField(max_length=32)
    external_id = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    content_type = models.CharField(max_length=100)
    fetched_at = models.DateTimeField(default=timezone.now)
    # The time that the provider itself states (updated at, export date); decides which version is current.
    stated_at = models.DateTimeField(null=True, blank=True)
    request_url = models.CharField(max_length=2000, blank=True)
    import_file = models.ForeignKey(
        "integrations.Import", null=True, blank=True, on_delete=models.RESTRICT, related_name="raw_records"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "provider", "kind", "external_id", "sha256"], name="raw_record_unique"
            )
        ]
        indexes = [
            models.Index(fields=["user", "sha256"], name="raw_record_user_sha"),
            models.Index(fields=["sha256"], name="raw_record_sha"),
            models.Index(fields=["fetched_at"], name="raw_record_fetched"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.kind} {self.external_id} {self.sha256[:12]}"

    @property
    def storage_key(self) -> str:
        return f"{self.user_id}/{self.sha256}"


class RawSighting(models.Model):
    """A raw record was seen, by which import or over which connection: an equal payload is stored once, seen often.

    An import's sighting stands for one time, a connection's for the last.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    raw = models.ForeignKey(RawRecord, on_delete=models.CASCADE, related_name="sightings")
    import_file = models.ForeignKey(
        "integrations.Import", null=True, blank=True, on_delete=models.RESTRICT, related_name="sightings"
    )
    connection = models.ForeignKey(
        "integrations.Connection", null=True, blank=True, on_delete=models.RESTRICT, related_name="sightings"
    )
    seen_at = models.DateTimeField(default=timezone.now)
    # What the provider stated at this sighting: a record that goes back to an earlier form is told again, later.
    stated_at = models.DateTimeField(null=True, blank=True)
    # The provider said over this connection that the record is no more: the sighting counts no longer, the bytes stay.
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["raw", "import_file"], name="raw_sighting_once_an_import"),
            models.UniqueConstraint(fields=["raw", "connection"], name="raw_sighting_once_a_connection"),
        ]

    def __str__(self) -> str:
        return f"{self.raw_id} at {self.seen_at:%Y-%m-%d %H:%M}"


class Reading(models.Model):
    """How today's mapping read one raw record; replaced when the record is normalised again."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    raw = models.OneToOneField(RawRecord, on_delete=models.CASCADE, related_name="reading")
    mapping_version = models.PositiveIntegerField()
    read_at = models.DateTimeField(default=timezone.now)
    # Empty where all was well.
    problem = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.problem or f"read with mapping {self.mapping_version}"


class Tombstone(models.Model):
    """An object whose last row may have gone: the sweeper removes it after a grace time if nothing names it.

    The user is a plain number: an account's tombstones outlive the account.
    """

    owner_id = models.BigIntegerField()
    # The whole account's objects where empty.
    sha256 = models.CharField(max_length=64, blank=True)
    deleted_at = models.DateTimeField(default=timezone.now)
    # Since when a sweeper is at it.
    claimed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner_id", "sha256"], name="tombstone_unique")]

    def __str__(self) -> str:
        return f"{self.owner_id}/{self.sha256}"


class Device(models.Model):
    """One source of samples under one provider: a watch, a phone, a band, a scale or an app.

    Known by the name that the provider gives it, never by a device string, which changes from line to line.
    """

    class Kind(models.TextChoices):
        WATCH = "watch"
        BAND = "band"
        RING = "ring"
        PHONE = "phone"
        SCALE = "scale"
        APP = "app"
        COMPUTER = "computer"
        UNKNOWN = "unknown"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sample_devices")
    provider = models.CharField(max_length=32)
    # The name with its white space and Unicode forms made equal; `name` keeps it as told.
    key = models.CharField(max_length=200)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.UNKNOWN)
    manufacturer = models.CharField(max_length=80, blank=True)
    model = models.CharField(max_length=80, blank=True)
    hardware = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "provider", "key"], name="device_unique")]

    def __str__(self) -> str:
        return self.name


class SampleChunk(models.Model):
    """A pointer to one columnar file: one metric of one device in one UTC month, or one UTC day not yet folded.

    The file's name carries its hash, so a file is never rewritten: the pointer moves in the transaction.
    """

    class Period(models.TextChoices):
        DAY = "day"
        MONTH = "month"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sample_chunks")
    provider = models.CharField(max_length=32)
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="chunks")
    metric = models.CharField(max_length=100)
    period = models.CharField(max_length=5, choices=Period)
    start = models.DateField()
    sha256 = models.CharField(max_length=64)
    rows = models.PositiveIntegerField()
    size_bytes = models.PositiveIntegerField()
    first_at = models.DateTimeField()
    # The latest end of a sample, which may lie beyond the period.
    last_at = models.DateTimeField()
    # Sets of raw record ids; each row of the file names, by index, the set of those that told it.
    origins = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "metric", "period", "start"], name="sample_chunk_unique")
        ]
        indexes = [models.Index(fields=["user", "metric", "start"], name="sample_chunk_read")]

    def __str__(self) -> str:
        return f"{self.metric} {self.start} ({self.rows})"

    @property
    def storage_key(self) -> str:
        return f"{self.user_id}/samples/{self.sha256}"


class Activity(models.Model):
    """One effort of the athlete, whatever the number of sources; shows its primary source.

    Sport, times and name repeat the primary's, so that thousands are listed without a join.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="activities")
    primary = models.OneToOneField("SourceActivity", null=True, on_delete=models.SET_NULL, related_name="primary_of")
    pinned = models.BooleanField(default=False)
    sport = models.CharField(max_length=64)
    name = models.CharField(max_length=255, blank=True)
    start_time = models.DateTimeField()
    # The date on the wall where it happened.
    local_date = models.DateField()
    elapsed_s = models.FloatField(null=True)
    distance_m = models.FloatField(null=True)

    class Meta:
        verbose_name_plural = "activities"
        indexes = [
            models.Index(fields=["user", "-start_time", "-id"], name="activity_newest"),
            models.Index(fields=["user", "sport", "-start_time"], name="activity_by_sport"),
            models.Index(fields=["user", "local_date"], name="activity_by_date"),
        ]

    def __str__(self) -> str:
        return f"{self.sport} {self.start_time:%Y-%m-%d %H:%M}"


class SourceActivity(models.Model):
    """One activity as one source tells it; `raw` is its current raw record.

    The figures are those of `activities.domain.parsed.ParsedActivity`: same names, same units.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="source_activities")
    provider = models.CharField(max_length=32)
    external_id = models.CharField(max_length=255)
    raw = models.ForeignKey(RawRecord, on_delete=models.RESTRICT, related_name="source_activities")
    activity = models.ForeignKey(Activity, null=True, on_delete=models.SET_NULL, related_name="sources")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="children")

    sport = models.CharField(max_length=64)
    provider_type = models.CharField(max_length=120, blank=True)
    name = models.CharField(max_length=255, blank=True)
    start_time = models.DateTimeField()
    utc_offset_s = models.IntegerField(null=True)
    # The source tells the day and no time of day: the start is noon of it, UTC.
    day_only = models.BooleanField(default=False)
    elapsed_s = models.FloatField(null=True)
    timer_s = models.FloatField(null=True)
    moving_s = models.FloatField(null=True)
    distance_m = models.FloatField(null=True)
    elevation_gain_m = models.FloatField(null=True)
    elevation_loss_m = models.FloatField(null=True)
    energy_kcal = models.FloatField(null=True)
    active_energy_kcal = models.FloatField(null=True)
    avg_heart_rate_bpm = models.FloatField(null=True)
    max_heart_rate_bpm = models.FloatField(null=True)
    min_heart_rate_bpm = models.FloatField(null=True)
    avg_power_w = models.FloatField(null=True)
    max_power_w = models.FloatField(null=True)
    avg_cadence_rpm = models.FloatField(null=True)
    max_cadence_rpm = models.FloatField(null=True)
    avg_speed_mps = models.FloatField(null=True)
    max_speed_mps = models.FloatField(null=True)
    device = models.CharField(max_length=200, blank=True)
    device_kind = models.CharField(max_length=8, choices=Device.Kind, default=Device.Kind.UNKNOWN)
    source_name = models.CharField(max_length=200, blank=True)
    laps = models.JSONField(default=list)
    pauses = models.JSONField(default=list)
    extra = models.JSONField(default=dict)
    # Stream name -> number of samples; the samples lie in the stream storage under `streams_sha256`.
    streams = models.JSONField(default=dict)
    streams_sha256 = models.CharField(max_length=64, blank=True)

    # The fields that a mapping fills and that the row repeats one to one.
    PARSED_FIELDS: ClassVar[tuple[str, ...]] = (
        "sport", "provider_type", "name", "start_time", "utc_offset_s", "day_only", "elapsed_s", "timer_s", "moving_s",
        "distance_m", "elevation_gain_m", "elevation_loss_m", "energy_kcal", "active_energy_kcal",
        "avg_heart_rate_bpm", "max_heart_rate_bpm", "min_heart_rate_bpm", "avg_power_w", "max_power_w",
        "avg_cadence_rpm", "max_cadence_rpm", "avg_speed_mps", "max_speed_mps", "device", "device_kind", "source_name",
    )  # fmt: skip

    class Meta:
        verbose_name_plural = "source activities"
        constraints = [
            models.UniqueConstraint(fields=["user", "provider", "external_id"], name="source_activity_unique")
        ]
        indexes = [models.Index(fields=["user", "start_time"], name="source_activity_around")]

    def __str__(self) -> str:
        return f"{self.provider} {self.external_id}"

    @property
    def end_time(self):  # type: ignore[no-untyped-def]
        """Start plus the first duration that is told."""
        return self.start_time + timedelta(seconds=self.elapsed_s or self.timer_s or self.moving_s or 0)

    @property
    def streams_key(self) -> str:
        return f"{self.user_id}/activities/{self.streams_sha256}"


class LinkDecision(models.Model):
    """What the athlete decided by hand: two source records are one effort, or are not.

    Names the records and not their rows, so that it sleeps while one is absent and outlives every re-import. `number`
    only grows for each user, over decisions and pins. What was made in one go shares a `batch`, the first of its
    numbers, and is withdrawn in one go; withdrawn rows stay as history.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="link_decisions")
    number = models.PositiveBigIntegerField()
    batch = models.PositiveBigIntegerField()
    same = models.BooleanField()
    # `one` sorts before `other`.
    one_provider = models.CharField(max_length=32)
    one_external_id = models.CharField(max_length=255)
    other_provider = models.CharField(max_length=32)
    other_external_id = models.CharField(max_length=255)
    made_at = models.DateTimeField(default=timezone.now)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "number"], name="link_decision_number")]
        indexes = [
            models.Index(
                fields=["user", "number"], name="link_decision_live", condition=models.Q(withdrawn_at__isnull=True)
            ),
            models.Index(fields=["user", "batch"], name="link_decision_batch"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.one} and {self.other} are {'one' if self.same else 'two'}"

    @property
    def one(self) -> tuple[str, str]:
        return self.one_provider, self.one_external_id

    @property
    def other(self) -> tuple[str, str]:
        return self.other_provider, self.other_external_id


class Pin(models.Model):
    """The athlete wants this source record shown, wherever it belongs; the newest of a group wins.

    Like a decision it names the record, sleeps while it is absent, and stays as history when it is withdrawn.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="pins")
    number = models.PositiveBigIntegerField()
    provider = models.CharField(max_length=32)
    external_id = models.CharField(max_length=255)
    made_at = models.DateTimeField(default=timezone.now)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "number"], name="pin_number")]
        indexes = [
            models.Index(
                fields=["user", "provider", "external_id", "-number"],
                name="pin_live",
                condition=models.Q(withdrawn_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.provider} {self.external_id}"


class RetiredActivity(models.Model):
    """The id of an activity that became part of another: whoever asks for it is sent there.

    Always points at what is there now, however often the other one was joined in turn.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="retired_activities")
    old_id = models.BigIntegerField(unique=True)
    activity = models.ForeignKey(Activity, on_delete=models.CASCADE, related_name="retired")
    # [[provider, external id], ...] of the sources it held: when they are split off again, they get it back.
    held = models.JSONField(default=list)
    retired_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "retired activities"

    def __str__(self) -> str:
        return f"{self.old_id} is now {self.activity_id}"


class SourcePriority(models.Model):
    """The athlete's order of sources for one kind of data; without a row all are level.

    The fields of `activities.domain.priority.Order` as JSON: ranks of providers, the first above the second, those of
    one rank level with each other; and for each provider ranks of kinds of device.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="source_priorities")
    # "activities", "sleep", "recovery", "daily" or "body".
    kind = models.CharField(max_length=12)
    ranks = models.JSONField(default=list)
    devices = models.JSONField(default=dict)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "source priorities"
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="source_priority_unique")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind}"


class Suggestion(models.Model):
    """A near miss: two source records that may be one effort, for the athlete to decide. Kept up by `grouping`.

    A function of the records, their groups and what was decided by hand; `one` began first.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="suggestions")
    one = models.ForeignKey(SourceActivity, on_delete=models.CASCADE, related_name="+")
    other = models.ForeignKey(SourceActivity, on_delete=models.CASCADE, related_name="+")
    # A code of `activities.domain.matching` and what it means here, for a person.
    reason = models.CharField(max_length=20)
    detail = models.CharField(max_length=200)
    # Of the earlier one.
    start_time = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["one", "other"], name="suggestion_unique")]
        indexes = [models.Index(fields=["user", "-start_time", "-id"], name="suggestion_newest")]

    def __str__(self) -> str:
        return f"{self.one_id} and {self.other_id}: {self.reason}"


class SleepSession(models.Model):
    """One sleep as one source tells it. Totals in seconds; `stages` is [[seconds from start, length, stage], ...].

    Stages: awake, light, deep, rem, asleep (no finer word told), in_bed.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sleep_sessions")
    provider = models.CharField(max_length=32)
    external_id = models.CharField(max_length=255)
    device = models.ForeignKey(Device, null=True, on_delete=models.CASCADE, related_name="sleep_sessions")
    raw = models.ForeignKey(RawRecord, null=True, on_delete=models.RESTRICT, related_name="sleep_sessions")
    start_time = models.DateTimeField()
    end_time = models.DateTimeField()
    utc_offset_s = models.IntegerField(null=True)
    # The day of waking up, where it happened.
    date = models.DateField()
    stages = models.JSONField(default=list)
    in_bed_s = models.FloatField(null=True)
    asleep_s = models.FloatField(null=True)
    awake_s = models.FloatField(null=True)
    light_s = models.FloatField(null=True)
    deep_s = models.FloatField(null=True)
    rem_s = models.FloatField(null=True)
    score = models.FloatField(null=True)
    efficiency_ratio = models.FloatField(null=True)
    # The source that is shown for its night, and whether it is the night's main sleep and not a nap.
    is_shown = models.BooleanField(default=True)
    is_main = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "provider", "external_id"], name="sleep_session_unique")]
        indexes = [models.Index(fields=["user", "-date"], name="sleep_session_nights")]

    def __str__(self) -> str:
        return f"sleep of {self.date}"


class DailyMetric(models.Model):
    """One value of one metric on one local date from one source; units as `activities.domain.metrics` says.

    Without a device it is the provider's own figure, or our total over its devices that counts no moment twice.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="daily_metrics")
    provider = models.CharField(max_length=32)
    device = models.ForeignKey(Device, null=True, on_delete=models.CASCADE, related_name="daily_metrics")
    # The record that tells it; None where it was worked out from samples.
    raw = models.ForeignKey(RawRecord, null=True, on_delete=models.RESTRICT, related_name="daily_metrics")
    metric = models.CharField(max_length=100)
    date = models.DateField()
    value = models.FloatField()
    # What stands beside the value: {"min", "max", "count", "goal", "devices"}, each where known.
    detail = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "metric", "date", "provider", "device"], name="daily_metric_unique"
            ),
            # SQLite holds every NULL for different from every other.
            models.UniqueConstraint(
                fields=["user", "metric", "date", "provider"],
                condition=models.Q(device=None),
                name="daily_metric_unique_total",
            ),
        ]
        indexes = [models.Index(fields=["user", "metric", "-date"], name="daily_metric_read")]

    def __str__(self) -> str:
        return f"{self.metric} {self.date}: {self.value:g}"
