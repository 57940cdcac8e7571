"""The WSGI application that granian serves: refused with DEBUG off, whoever starts it."""

import os

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from integrations.sandbox.app import Sandbox

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trainstack.settings")

if not settings.DEBUG:
    raise ImproperlyConfigured("The sandbox hands out invented data to whoever asks: it plays with DEBUG=1 only.")

application = Sandbox(settings.DATA_DIR / "sandbox.sqlite3", portal=settings.BASE_URL)
application.prepare()
