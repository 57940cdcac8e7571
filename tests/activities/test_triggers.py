"""The database refuses to change a raw record, whoever asks."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.core.checks import Tags, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.core.management.sql import emit_post_migrate_signal
from django.db import IntegrityError, connection, migrations, models, transaction
from django.db.migrations.state import ProjectState
from django.db.models import F

from activities.models import RawRecord
from activities.triggers import MESSAGE, NAME, create_triggers, triggers_exist
from tests.factories.activities import RawRecordFactory

UPSERT = """
    INSERT INTO activities_rawrecord
        (id, user_id, provider, kind, external_id, sha256, size_bytes, content_type, fetched_at, request_url)
    SELECT id, user_id, provider, kind, external_id, sha256, size_bytes, content_type, fetched_at, request_url
    FROM activities_rawrecord WHERE id = %s
    ON CONFLICT (id) DO UPDATE SET size_bytes = 0
"""


def run_sql(sql: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def drop_trigger() -> None:
    run_sql(f"DROP TRIGGER {NAME}" + ("" if connection.vendor == "sqlite" else " ON activities_rawrecord"))


def save_changed(record: RawRecord) -> None:
    record.kind = "other"
    record.save()


CHANGES = {
    "sql": lambda record: run_sql("UPDATE activities_rawrecord SET kind = 'other'"),
    "sql_same_value": lambda record: run_sql("UPDATE activities_rawrecord SET sha256 = sha256"),
    "sql_one_row": lambda record: run_sql("UPDATE activities_rawrecord SET size_bytes = 0 WHERE id = %s", record.pk),
    "sql_upsert": lambda record: run_sql(UPSERT, record.pk),
    "queryset_update": lambda record: RawRecord.objects.update(kind="other"),
    "queryset_update_same_value": lambda record: RawRecord.objects.update(kind=F("kind")),
    "bulk_update": lambda record: RawRecord.objects.bulk_update([record], ["content_type"]),
    "save": save_changed,
    "save_unchanged": lambda record: record.save(),
    "update_or_create": lambda record: RawRecord.objects.update_or_create(
        pk=record.pk, defaults={"content_type": "text/plain"}
    ),
}


@pytest.mark.django_db
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_database_refuses_to_change_a_raw_record(change):
    record = RawRecordFactory()
    before = RawRecord.objects.filter(pk=record.pk).values().get()

    with pytest.raises(IntegrityError, match=MESSAGE), transaction.atomic():
        change(RawRecord.objects.get(pk=record.pk))

    assert RawRecord.objects.filter(pk=record.pk).values().get() == before


@pytest.mark.django_db
def test_database_takes_an_insert_and_a_delete():
    record = RawRecordFactory()

    RawRecord.objects.filter(pk=record.pk).delete()

    assert not RawRecord.objects.exists()


@pytest.fixture
def later_migration(transactional_db):
    """A migration of some day that adds a column and changes it: SQLite rebuilds the table for it."""
    state = now = ProjectState.from_apps(apps)
    for operation in (
        migrations.AddField("rawrecord", "later", models.CharField(max_length=10, default="x")),
        migrations.AlterField("rawrecord", "later", models.CharField(max_length=20, null=True)),
    ):
        state = migrate(operation, state)
    yield
    migrate(migrations.RemoveField("rawrecord", "later"), state)
    create_triggers("default")
    assert now.models.keys() == state.models.keys()


def migrate(operation: migrations.operations.base.Operation, state: ProjectState) -> ProjectState:
    after = state.clone()
    operation.state_forwards("activities", after)
    with connection.schema_editor() as editor:
        operation.database_forwards("activities", editor, state, after)
    return after


@pytest.mark.usefixtures("later_migration")
def test_triggers_come_back_after_a_migration_that_rebuilds_the_table():
    there_before = triggers_exist("default")

    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")

    assert there_before == (connection.vendor != "sqlite")  # else this test would prove nothing
    assert triggers_exist("default")
    RawRecordFactory()
    with pytest.raises(IntegrityError, match=MESSAGE):
        run_sql("UPDATE activities_rawrecord SET later = 'z'")


@pytest.mark.django_db
def test_check_tells_of_a_missing_trigger_and_migrate_makes_it_again():
    before = run_checks(tags=[Tags.database], databases=["default"])
    drop_trigger()

    missing = run_checks(tags=[Tags.database], databases=["default"])
    with pytest.raises(SystemCheckError, match=r"activities\.E001"):
        call_command("check", databases=["default"], tags=["database"])
    call_command("migrate", verbosity=0)

    assert (before, [message.id for message in missing]) == ([], ["activities.E001"])
    assert run_checks(tags=[Tags.database], databases=["default"]) == []


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite cannot switch a trigger off")
def test_check_tells_of_a_trigger_that_is_switched_off():
    run_sql(f"ALTER TABLE activities_rawrecord DISABLE TRIGGER {NAME}")

    assert not triggers_exist("default")


@pytest.mark.django_db
def test_create_triggers_bears_repeating():
    create_triggers("default")
    create_triggers("default")

    assert triggers_exist("default")
