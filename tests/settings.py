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

# Where nothing was collected, static files are found where they lie.
STATIC_ROOT = DATA_DIR / "static"  # noqa: F405
STATIC_ROOT.mkdir(exist_ok=True)

# Tests that run beside each other have queues of their own, as they have databases.
if "redis" in Q_CLUSTER and (number := os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")):  # noqa: F405
    Q_CLUSTER["redis"] = f"{Q_CLUSTER['redis'].rsplit('/', 1)[0]}/{number}"  # noqa: F405
