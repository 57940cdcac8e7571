"""Settings: every secret and switch comes from the environment, with defaults that run on a laptop.

`docs/operating.md` lists them all. A `.env` file beside `manage.py` is read when there is one.
"""

import base64
import os
import secrets
from contextlib import suppress
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

# --- the basics -----------------------------------------------------------------------------
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = env.bool("DEBUG", default=False)
# The address people type; https:// there makes cookies secure and turns on HSTS.
BASE_URL = env.str("BASE_URL", default="http://127.0.0.1:8000")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[BASE_URL])


def _laptop_key(path: Path) -> str:
    """The secret key of a laptop: made at random on first use and kept, so that sessions outlive a restart."""
    if not path.exists():
        draft = path.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        # Whoever links first wins; all others read that one's key.
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text()


SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured("Set SECRET_KEY, or DEBUG=1 on your own machine.")
    SECRET_KEY = _laptop_key(DATA_DIR / "secret.key")
# What connections' credentials are encrypted with: the first encrypts, all decrypt (`manage.py rotate_credentials`).
CREDENTIAL_KEYS = env.list("CREDENTIAL_KEYS", default=[])
if DEBUG and not CREDENTIAL_KEYS:
    CREDENTIAL_KEYS = [base64.urlsafe_b64encode(sha256(f"credentials {SECRET_KEY}".encode()).digest()).decode()]
# "enforce": providers' terms on keeping and showing data are carried out; "inform": they are only told.
PROVIDER_TERMS = env.str("PROVIDER_TERMS", default="inform")
if PROVIDER_TERMS not in ("enforce", "inform"):
    raise ImproperlyConfigured("PROVIDER_TERMS is either enforce or inform.")
# How long a provider may be silent, how long one request may take with all its repeats, and how much it may bring.
PROVIDER_READ_S = env.float("PROVIDER_READ_S", default=15)
PROVIDER_TOTAL_S = env.float("PROVIDER_TOTAL_S", default=45)
PROVIDER_MAX_BYTES = env.int("PROVIDER_MAX_BYTES", default=64 * 2**20)
# Where the sandbox is that plays every provider (docs/development.md); only on one's own machine.
SANDBOX_URL = env.str("SANDBOX_URL", default="") if DEBUG else ""

INSTALLED_APPS = [
    "trainstack.accounts",
    "activities",
    "integrations",
    "workouts",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "csp",
    "django_htmx",
    "django_q",
    "drf_spectacular",
    "rest_framework",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "trainstack.urls"
WSGI_APPLICATION = "trainstack.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "trainstack.accounts.context.account",
            ],
        },
    },
]

# --- database -------------------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'trainstack.sqlite3'}")
}
SQLITE = DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3"
if SQLITE:
    # IMMEDIATE, a time-out and WAL are needed together: with the last two alone a web server beside a
    # worker loses transactions to "database is locked".
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- people ---------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "activities:today"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = env.str("ACCOUNT_EMAIL_VERIFICATION", default="mandatory")
ACCOUNT_FORMS = {"signup": "trainstack.accounts.forms.SignupForm"}
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "TrainStack: "

# --- mail -----------------------------------------------------------------------------------
# On a laptop without EMAIL_URL mails are kept on disk and shown on a page (`trainstack.accounts.mailbox`).
MAILBOX_DIR = DATA_DIR / "mail"
MAILBOX = DEBUG and not env.str("EMAIL_URL", default="")
if MAILBOX:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(MAILBOX_DIR)
else:
    vars().update(env.email_url("EMAIL_URL", default="smtp://localhost:25"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="TrainStack <trainstack@localhost>")

# --- storage --------------------------------------------------------------------------------
# A path, or s3://bucket/prefix (S3_ENDPOINT_URL for a compatible store; keys as AWS names them).
RAW_STORAGE = env.str("RAW_STORAGE", default=str(DATA_DIR / "raw"))
STREAM_STORAGE = env.str("STREAM_STORAGE", default=str(DATA_DIR / "streams"))
S3_ENDPOINT_URL = env.str("S3_ENDPOINT_URL", default="")
# Seconds between the deletion of a row and the removal of its object.
RAW_GRACE_S = env.int("RAW_GRACE_S", default=24 * 3600)

# --- what an import may ask of this machine ------------------------------------------------------
IMPORT_MAX_UPLOAD_BYTES = env.int("IMPORT_MAX_UPLOAD_BYTES", default=8 * 2**30)
IMPORT_MAX_MEMBER_BYTES = env.int("IMPORT_MAX_MEMBER_BYTES", default=16 * 2**30)
IMPORT_MAX_TOTAL_BYTES = env.int("IMPORT_MAX_TOTAL_BYTES", default=32 * 2**30)
IMPORT_MAX_MEMBERS = env.int("IMPORT_MAX_MEMBERS", default=200_000)
# Text deflates 30-fold at the most extreme of real exports; a bomb is beyond this.
IMPORT_MAX_RATIO = env.int("IMPORT_MAX_RATIO", default=200)
FILE_UPLOAD_TEMP_DIR = str(DATA_DIR / "uploads")
Path(FILE_UPLOAD_TEMP_DIR).mkdir(parents=True, exist_ok=True)

# --- jobs -----------------------------------------------------------------------------------
# A run works in slices and its row is the truth; a message is only a nudge (docs/architecture.md).
RUN_SLICE_S = env.float("RUN_SLICE_S", default=60)
RUN_LEASE_S = env.float("RUN_LEASE_S", default=90)
# Requests of one connection that are made side by side, and how long one that went wrong waits at first.
SYNC_REQUESTS = env.int("SYNC_REQUESTS", default=4)
SYNC_RETRY_S = env.float("SYNC_RETRY_S", default=10)
Q_BROKER = env.str("Q_BROKER", default="orm")
Q_CLUSTER: dict[str, Any] = {
    "name": "trainstack",
    "workers": env.int("Q_WORKERS", default=1),
    "queue_limit": 1,  # prefetched tasks are run twice when their turn comes late
    "ack_failures": True,  # a task that fails is not sent again for ever: the run's row decides
    # A slice takes a minute at most. Whatever runs five is stuck; its message comes again after half an hour only,
    # because the sweep takes the run up long before.
    "timeout": 300,
    "retry": 1800,
    "max_attempts": 1,
    "poll": 0.5,
    "save_limit": 250,
    "catch_up": False,
    "label": "Jobs",
}
if Q_BROKER == "orm":
    Q_CLUSTER["orm"] = "default"
else:
    Q_CLUSTER["redis"] = Q_BROKER

# --- time, language, units ----------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# --- static files: from wheels and `static/`, served by this process, nothing from elsewhere ------------
STATIC_URL = "static/"
# django-leaflet is here for the Leaflet files in its wheel only: its app needs GDAL and writes inline script.
_leaflet = find_spec("leaflet")
STATICFILES_DIRS = [BASE_DIR / "static", Path(str(_leaflet and _leaflet.origin)).parent / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG

# --- safety ---------------------------------------------------------------------------------
# Tiles are the only thing that may come from elsewhere, and only where the operator says so.
MAP_TILES_URL = env.str("MAP_TILES_URL", default="")
MAP_TILES_ATTRIBUTION = env.str("MAP_TILES_ATTRIBUTION", default="")
# "https://{s}.tiles.example/{z}/{x}/{y}.png" may be fetched from "https://*.tiles.example".
_tiles = urlsplit(MAP_TILES_URL)
_tiles_origin = [f"{_tiles.scheme}://{_tiles.netloc.replace('{s}', '*')}"] if MAP_TILES_URL else []
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", *_tiles_origin],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BASE_URL.startswith("https://")
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
if BASE_URL.startswith("https://"):
    # The proxy in front ends TLS and tells so in this header; it must not let the header through from outside.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=3600)
# HSTS for the subdomains and for browsers' preload lists is for the owner of the domain to promise.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

# --- API ------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "trainstack.accounts.tokens.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "trainstack.api.problem_json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "TrainStack API",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "DeviceKindEnum": "activities.models.Device.Kind",
        "DataKindEnum": "activities.sources_api.KIND_CHOICES",
        "SyncRunKindEnum": "integrations.models.SyncRun.Kind",
    },
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
}

# Reports of errors show what variables held, but not where credentials pass through.
DEFAULT_EXCEPTION_REPORTER_FILTER = "integrations.reports.ReportFilter"

# --- log: everything to stderr, the queue's own chatter only where it matters --------------------------
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {"django-q": {"level": "WARNING"}},
}
