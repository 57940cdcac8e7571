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
    """One time that a raw record was seen, and by which import: an equal payload is stored once, seen often."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    raw = models.ForeignKey(RawRecord, on_delete=models.CASCADE, related_name="sightings")
    import_file = models.ForeignKey(
        "integrations.Import", null=True, blank=True, on_delete=models.RESTRICT, related_name="sightings"
    )
    seen_at = models.DateTimeField(default=timezone.now)
    # What the provider stated at this sighting: a record that goes back to an earlier form is told again, later.
    stated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["raw", "import_file"], name="raw_sighting_once_an_import")]

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
    source_name = models.CharField(max_length=200, blank=True)
    laps = models.JSONField(default=list)
    pauses = models.JSONField(default=list)
    extra = models.JSONField(default=dict)
    # Stream name -> number of samples; the samples lie in the stream storage under `streams_sha256`.
    streams = models.JSONField(default=dict)
    streams_sha256 = models.CharField(max_length=64, blank=True)

    # The fields that a mapping fills and that the row repeats one to one.
    PARSED_FIELDS: ClassVar[tuple[str, ...]] = (
        "sport", "provider_type", "name", "start_time", "utc_offset_s", "elapsed_s", "timer_s", "moving_s",
        "distance_m", "elevation_gain_m", "elevation_loss_m", "energy_kcal", "active_energy_kcal",
        "avg_heart_rate_bpm", "max_heart_rate_bpm", "min_heart_rate_bpm", "avg_power_w", "max_power_w",
        "avg_cadence_rpm", "max_cadence_rpm", "avg_speed_mps", "max_speed_mps", "device", "source_name",
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
