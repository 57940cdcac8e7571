"""Writing many rows at once, without a model object or an expression for each: some ten times as quick as Django's own.

Both belong into the caller's transaction, and take values as the fields do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.db import connection, connections, models


def insert_rows(model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[Any]], **same: Any) -> None:
    """Add rows of these columns; `same` are columns equal in all of them. Columns not named must be nullable."""
    fields = [_field(model, name) for name in names]
    shared = [_preparer(_field(model, name))(value) for name, value in same.items()]
    columns = ", ".join(_column(field) for field in (*fields, *(_field(model, name) for name in same)))
    places = ", ".join(["%s"] * (len(fields) + len(shared)))
    sql = f"INSERT INTO {_table(model)} ({columns}) VALUES ({places})"  # noqa: S608
    prepare = [_preparer(field) for field in fields]
    with connection.cursor() as cursor:
        cursor.executemany(
            sql, [[*(to_db(value) for to_db, value in zip(prepare, row, strict=True)), *shared] for row in rows]
        )


def update_rows(model: type[models.Model], names: Sequence[str], rows: Mapping[int, Sequence[Any]]) -> None:
    """Set these columns of rows by primary key."""
    if not rows:
        return
    fields = [_field(model, name) for name in names]
    places = ", ".join(f"{_column(field)} = %s" for field in fields)
    sql = f"UPDATE {_table(model)} SET {places} WHERE {_column(model._meta.pk)} = %s"  # noqa: S608
    prepare = [_preparer(field) for field in fields]
    with connection.cursor() as cursor:
        cursor.executemany(
            sql,
            [
                [*(to_db(value) for to_db, value in zip(prepare, row, strict=True)), pk]
                for pk, row in sorted(rows.items())
            ],
        )


def update_objects(objects: Iterable[Any], names: Sequence[str]) -> None:
    """Write these fields of objects that are there already."""
    by_model: dict[type[models.Model], dict[int, list[Any]]] = {}
    for one in objects:
        attributes = (_field(type(one), name).attname for name in names)
        by_model.setdefault(type(one), {})[one.pk] = [getattr(one, attribute) for attribute in attributes]
    for model, rows in by_model.items():
        update_rows(model, names, rows)


def _field(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)
    return field


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _column(field: Any) -> str:
    return connection.ops.quote_name(field.column)


# Fields whose values of these types go into the database as they are.
_AS_IT_IS: Mapping[type, type] = {models.FloatField: float, models.CharField: str, models.TextField: str}


def _preparer(field: models.Field[Any, Any]) -> Callable[[Any], Any]:
    """What turns a value of the field into what the database's driver takes."""
    as_it_is = _AS_IT_IS.get(type(field))
    # The connection itself: looking it up for each value costs as much as all else.
    database = connections[connection.alias]
    return lambda value: value if type(value) is as_it_is else field.get_db_prep_save(value, database)
