"""One process of the race in `test_raw_race`: `python -m tests.activities.services.raw_race store|sweep USER SECONDS`.

Prints, as JSON, what it did. Times are cut short so that a second holds hundreds of encounters.
"""

from __future__ import annotations

import json
import random
import sys
import time
from datetime import timedelta

import django

django.setup()

from django.conf import settings  # noqa: E402

from activities.models import RawRecord  # noqa: E402
from activities.services import raw  # noqa: E402
from trainstack.accounts.models import User  # noqa: E402
from trainstack.storage import read_raw  # noqa: E402

PAYLOADS = [b"payload %d" % number for number in range(40)]

raw.SHORTEST_GRACE = timedelta(seconds=0.8)
raw.CLAIM = timedelta(seconds=2)
settings.RAW_GRACE_S = 0


def store(user: User, ends: float) -> dict[str, int]:
    """Stores and deletes at random; while a row is there its bytes must be."""
    name = f"storer {random.random()}"
    done = {"stored": 0, "late": 0, "lost": 0}
    while time.monotonic() < ends:
        data = random.choice(PAYLOADS)
        try:
            record, _ = raw.store_raw(user, "tempo", "workout", name, data, "text/plain")
        except raw.StoredTooLongAgo:
            done["late"] += 1
            continue
        for _ in range(2):
            try:
                done["lost"] += read_raw(user.pk, record.sha256) != data
            except FileNotFoundError:
                done["lost"] += 1
            time.sleep(random.random() / 100)
        raw.forget_raw(RawRecord.objects.filter(pk=record.pk))
        done["stored"] += 1
    return done


def sweep(user: User, ends: float) -> dict[str, int]:
    removed = kept = 0
    while time.monotonic() < ends:
        swept = raw.sweep()
        removed, kept = removed + swept.removed, kept + swept.kept
        time.sleep(0.01)
    return {"removed": removed, "kept": kept}


if __name__ == "__main__":
    what, user_id, seconds = sys.argv[1:]
    player = {"store": store, "sweep": sweep}[what]
    print(json.dumps(player(User.objects.get(pk=user_id), time.monotonic() + float(seconds))))
