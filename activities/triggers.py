"""The database itself refuses to change a raw record.

Made again after every migrate: SQLite drops a table's triggers whenever a migration rebuilds the table. There is none
on TRUNCATE, which would stop test databases from being emptied.
"""

from __future__ import annotations

from typing import Any

from django.db import connections, transaction

from activities.models import RawRecord

NAME = "raw_record_is_never_changed"
MESSAGE = "a raw record is never changed"

_SQLITE = """
CREATE TRIGGER {name} BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, '{message}'); END
"""
_POSTGRESQL = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation'; END $$;
CREATE TRIGGER {name} BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name};
"""


def table_exists(using: str) -> bool:
    """Whether the database has the table of raw records yet."""
    return RawRecord._meta.db_table in connections[using].introspection.table_names()


def create_triggers(using: str) -> None:
    """Puts the trigger there, whatever was there before; nothing where the table is not yet."""
    if not table_exists(using):
        return
    connection = connections[using]
    statements = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}[connection.vendor]
    table = connection.ops.quote_name(RawRecord._meta.db_table)
    with transaction.atomic(using=using), connection.cursor() as cursor:
        drop = f"DROP TRIGGER IF EXISTS {NAME}"
        cursor.execute(drop if connection.vendor == "sqlite" else f"{drop} ON {table}")
        cursor.execute(statements.format(name=NAME, table=table, message=MESSAGE))


def triggers_exist(using: str) -> bool:
    """Whether the database refuses to change a raw record; true as well while it has no such table."""
    if not table_exists(using):
        return True
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name = %s AND tbl_name = %s",
                [NAME, RawRecord._meta.db_table],
            )
        else:
            # A switched-off trigger is none: "A" fires always, even while replicas are fed.
            cursor.execute(
                "SELECT count(*) FROM pg_trigger WHERE tgname = %s AND tgrelid = to_regclass(%s) AND tgenabled = 'A'",
                [NAME, connection.ops.quote_name(RawRecord._meta.db_table)],
            )
        return bool(cursor.fetchone()[0])


def after_migrate(sender: object, *, using: str, **kwargs: Any) -> None:
    """Receives post_migrate."""
    create_triggers(using)
