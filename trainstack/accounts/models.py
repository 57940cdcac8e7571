"""The people: who logs in, how they want numbers and dates shown, and the figures that describe them."""

from __future__ import annotations

from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A new user with a profile; raises ValueError without an e-mail address."""
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, email: str | None) -> User:
        return self.get(email__iexact=email)


class User(AbstractBaseUser, PermissionsMixin):
    """One person; the e-mail address is the log-in."""

    email = models.EmailField("e-mail address", max_length=254, unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_unique")]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] if self.name else self.email.split("@")[0]

    @property
    def profile(self) -> AthleteProfile:
        """The person's settings; made on first use, so that every user has one."""
        try:
            return self.athlete_profile
        except AthleteProfile.DoesNotExist:
            return AthleteProfile.objects.get_or_create(user=self)[0]


class AthleteProfile(models.Model):
    """How one person wants numbers, days and activities shown."""

    class Units(models.TextChoices):
        METRIC = "metric", "Metric (km, kg, °C)"
        IMPERIAL = "imperial", "Imperial (mi, lb, °F)"

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="athlete_profile")
    units = models.CharField(max_length=8, choices=Units, default=Units.METRIC)
    # An IANA name; empty until the person or their first import tells.
    time_zone = models.CharField(max_length=64, blank=True)
    # Whether what the shown source of an activity lacks is shown from the next one, marked with its origin.
    fill_gaps = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"profile of {self.user}"

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose midnights part this person's days; UTC while none is told."""
        return ZoneInfo(self.time_zone or "UTC")


class AthleteParameter(models.Model):
    """One figure of the athlete from one day on, such as the maximum heart rate; rows are added, never changed."""

    class Name(models.TextChoices):
        MAX_HEART_RATE_BPM = "max_heart_rate_bpm", "Maximum heart rate"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="athlete_parameters")
    name = models.CharField(max_length=40, choices=Name)
    value = models.FloatField()
    effective_from = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "name", "effective_from"], name="athlete_parameter_unique")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.value:g} from {self.effective_from}"


class ApiToken(models.Model):
    """A key to the API. Only the sha256 of the secret is kept; the secret is shown once, when it is made."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    prefix = models.CharField(max_length=12)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
