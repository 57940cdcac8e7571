"""Puts streams and samples where the selectors find them."""

from __future__ import annotations

import hashlib
from datetime import datetime

import numpy as np
import pyarrow as pa
from django.db import transaction

from activities.domain.parsed import Stream
from activities.domain.reading import SAMPLE_SCHEMA, DeviceFacts, SampleTable
from activities.domain.streams import encode_streams
from activities.models import Device, SourceActivity
from activities.services.series import SampleWriter
from tests.factories.activities import RawRecordFactory
from trainstack.accounts.models import User
from trainstack.storage import stream_store


def keep_streams(source: SourceActivity, **streams: tuple[list[float], list[float]]) -> SourceActivity:
    """Stores the streams (name -> seconds, values) as those of the source."""
    values = {name: Stream(np.array(time_s, float), np.array(told, float)) for name, (time_s, told) in streams.items()}
    data = encode_streams(values)
    source.streams = {name: len(stream) for name, stream in values.items()}
    source.streams_sha256 = hashlib.sha256(data).hexdigest()
    stream_store().put(source.streams_key, data)
    source.save()
    return source


def keep_samples(
    user: User, metric: str, *samples: tuple[datetime, float | None, str | None], device: str = "Watch"
) -> Device:
    """Stores samples of a second each as one device told them."""
    starts = [round(start.timestamp() * 1000) for start, _, _ in samples]
    columns = {
        "start_ms": starts,
        "end_ms": [start + 1000 for start in starts],
        "value": [value for _, value, _ in samples],
        "text": [text for _, _, text in samples],
    }
    columns |= {name: [None] * len(samples) for name in SAMPLE_SCHEMA.names if name not in columns}
    arrays = [
        pa.array(columns[field.name], field.type.value_type).dictionary_encode()
        if pa.types.is_dictionary(field.type)
        else pa.array(columns[field.name], field.type)
        for field in SAMPLE_SCHEMA
    ]
    table = SampleTable(metric, DeviceFacts(device, device), pa.table(arrays, SAMPLE_SCHEMA))
    writer = SampleWriter(user, "apple_health")
    writer.add(table, RawRecordFactory(user=user, kind="export").pk)
    prepared = writer.prepare()
    with transaction.atomic():
        writer.commit(prepared)
    return user.sample_devices.get(key=device)
