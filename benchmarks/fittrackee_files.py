"""What FitTrackee needs for a workout file, by its own service; run by the Python of an environment that holds it.

    .../bin/python benchmarks/fittrackee_files.py FOLDER [--files 60]

It wants PostgreSQL with PostGIS and its settings in the environment: docs/performance.md tells the steps. Each FIT file
of the folder becomes a workout of the account "bench", in a transaction of its own.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

from fittrackee import create_app, db
from fittrackee.users.models import User
from fittrackee.workouts.services.workouts_from_file_creation_service import WorkoutsFromFileCreationService


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=60)
    options = parser.parse_args()
    paths = sorted(options.folder.glob("*.fit"))[: options.files]
    took: list[float] = []
    refused: list[str] = []
    with create_app(init_email=False).app_context():
        user = User.query.filter_by(username="bench").one()
        user.is_active = True
        for path in paths:
            service = WorkoutsFromFileCreationService(user, {"sport_id": 1})
            began = time.perf_counter()
            try:
                with path.open("rb") as file:
                    service.create_workout_from_file("fit", None, file, False)
                db.session.commit()
            except Exception as error:
                db.session.rollback()
                refused.append(f"{path.name}: {type(error).__name__}")
            else:
                took.append(1000 * (time.perf_counter() - began))
    print(f"{len(took)} files, {len(refused)} refused; ms a file: ", end="")
    print(f"median {statistics.median(took):.0f}, mean {statistics.mean(took):.0f}, {min(took):.0f} to {max(took):.0f}")


if __name__ == "__main__":
    main()
