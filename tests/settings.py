"""The settings of a test run: those of a laptop, in a folder of their own that goes away again."""

import atexit
import os
import shutil
import tempfile

os.environ.setdefault("DEBUG", "1")
if "DATA_DIR" not in os.environ:
    # In the environment, so that test workers and processes that tests start share it.
    os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="trainstack-test-")
    atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)

from trainstack.settings import *  # noqa: F403

# Hashing that is slow on purpose has no place in a test that only logs somebody in.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
