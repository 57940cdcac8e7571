"""Short words for the tests of the seed's sentences: one workout at one provider, and what was warned about."""

from datetime import date

from workouts.domain.athlete import AthleteParameters
from workouts.exporters import EXPORTERS

DAY = date(2026, 12, 1)
NOBODY = AthleteParameters()
SOMEBODY = AthleteParameters(
    ftp=250, max_heart_rate=185, threshold_heart_rate=165, threshold_speed=4.0, pool_length_meters=25.0
)
STEP = "workout.step_blocks[0].steps[0]"
TARGET = f"{STEP}.intensity_targets[0]"


def exported(slug, drawn, athlete=SOMEBODY):
    """The payload and the warnings as [(code, path)]."""
    export = EXPORTERS[slug].export(drawn, athlete, DAY)
    return export.payload, [(one.code.value, one.path) for one in export.coercion_warnings]


def of(told, *names):
    """Only these of an object's values."""
    return {name: told.get(name) for name in names}
