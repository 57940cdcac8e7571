"""File formats of workouts: FIT, ZWO, ERG, MRC, Intervals.icu's text, and our own JSON."""

from __future__ import annotations

import json
from datetime import date

from workouts.domain.athlete import AthleteParameters
from workouts.domain.document import Invalid, document_of, workout_of
from workouts.domain.structure import Workout
from workouts.exporters.base import Export
from workouts.formats.base import Format, Imported, Unreadable
from workouts.formats.erg import ErgFormat, MrcFormat
from workouts.formats.fit import FitFormat
from workouts.formats.intervals import IntervalsFormat
from workouts.formats.zwo import ZwoFormat


class JsonFormat:
    """The workout as it is: what the API takes and gives."""

    slug = "json"
    name = "TrainStack JSON"
    ending = ".json"

    def write(self, workout: Workout, athlete: AthleteParameters, day: date) -> Export:
        return Export(self.slug, json.dumps(document_of(workout), ensure_ascii=False, indent=2).encode())

    def recognises(self, data: bytes) -> bool:
        return data.lstrip()[:1] == b"{"

    def read(self, data: bytes, athlete: AthleteParameters) -> Imported:
        try:
            return Imported(workout_of(data))
        except Invalid as error:
            raise Unreadable(str(error)) from error


# In the order in which a file is offered to them: plain text comes last.
FORMATS: dict[str, Format] = {
    fmt.slug: fmt for fmt in (FitFormat(), ZwoFormat(), ErgFormat(), MrcFormat(), JsonFormat(), IntervalsFormat())
}


def read_file(data: bytes, athlete: AthleteParameters) -> Imported:
    """The workout of a file of any format; its bytes say which. Raises Unreadable."""
    for fmt in FORMATS.values():
        if fmt.recognises(data):
            return fmt.read(data, athlete)
    names = [fmt.name for fmt in FORMATS.values()]
    raise Unreadable(f"This is no workout that TrainStack reads: {', '.join(names[:-1])} or {names[-1]}.")
