"""File formats of workouts: FIT, ZWO, ERG, MRC, Intervals.icu's text, and our own JSON."""
