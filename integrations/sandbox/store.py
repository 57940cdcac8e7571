"""What the sandbox knows: one SQLite file, several threads, and what was there before a restart is there after it."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TABLES = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS accounts (
    provider TEXT NOT NULL, handle TEXT NOT NULL, id TEXT NOT NULL, first_name TEXT NOT NULL, last_name TEXT NOT NULL,
    email TEXT NOT NULL, is_deleted INTEGER NOT NULL DEFAULT 0, told_until REAL,
    PRIMARY KEY (provider, handle));
CREATE UNIQUE INDEX IF NOT EXISTS accounts_by_id ON accounts (provider, id);
CREATE TABLE IF NOT EXISTS seeds (
    provider TEXT NOT NULL, handle TEXT NOT NULL, efforts INTEGER NOT NULL, days REAL NOT NULL,
    nights INTEGER NOT NULL, newest REAL NOT NULL, PRIMARY KEY (provider, handle));
CREATE TABLE IF NOT EXISTS stories (
    provider TEXT NOT NULL, handle TEXT NOT NULL, story TEXT NOT NULL, edited TEXT NOT NULL DEFAULT '{}',
    edited_at REAL NOT NULL DEFAULT 0, is_deleted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (provider, handle, story)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
    number INTEGER PRIMARY KEY, provider TEXT NOT NULL, handle TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
    start REAL NOT NULL, updated REAL NOT NULL, story TEXT NOT NULL, position INTEGER NOT NULL, body BLOB,
    is_deleted INTEGER NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX IF NOT EXISTS records_by_id ON records (provider, handle, kind, id);
CREATE INDEX IF NOT EXISTS records_by_start ON records (provider, handle, kind, is_deleted, start, id);
CREATE INDEX IF NOT EXISTS records_by_update ON records (provider, handle, kind, is_deleted, updated, id);
CREATE INDEX IF NOT EXISTS records_by_story ON records (provider, handle, story);
CREATE TABLE IF NOT EXISTS memory (
    provider TEXT NOT NULL, handle TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (provider, handle, name));
CREATE TABLE IF NOT EXISTS grants (
    number INTEGER PRIMARY KEY, provider TEXT NOT NULL, handle TEXT NOT NULL, scopes TEXT NOT NULL,
    has_refresh INTEGER NOT NULL, created REAL NOT NULL, ended REAL);
CREATE INDEX IF NOT EXISTS grants_by_account ON grants (provider, handle, ended);
CREATE TABLE IF NOT EXISTS codes (
    code TEXT PRIMARY KEY, provider TEXT NOT NULL, handle TEXT NOT NULL, redirect_uri TEXT NOT NULL,
    scopes TEXT NOT NULL, has_refresh INTEGER NOT NULL, challenge TEXT NOT NULL, method TEXT NOT NULL,
    expires REAL NOT NULL, granted INTEGER);
CREATE TABLE IF NOT EXISTS tokens (
    token TEXT PRIMARY KEY, provider TEXT NOT NULL, granted INTEGER NOT NULL, kind TEXT NOT NULL, created REAL NOT NULL,
    expires REAL, spent REAL, answered BLOB, ended REAL);
CREATE INDEX IF NOT EXISTS tokens_by_grant ON tokens (granted, kind);
CREATE TABLE IF NOT EXISTS windows (
    provider TEXT NOT NULL, handle TEXT NOT NULL, kind TEXT NOT NULL, seconds INTEGER NOT NULL, began INTEGER NOT NULL,
    used INTEGER NOT NULL, PRIMARY KEY (provider, handle, kind, seconds)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS faults (
    number INTEGER PRIMARY KEY, provider TEXT NOT NULL, fault TEXT NOT NULL, probability REAL NOT NULL, left INTEGER,
    seconds REAL NOT NULL, path TEXT NOT NULL, fired INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS subscriptions (
    provider TEXT NOT NULL, external_id TEXT NOT NULL, callback_url TEXT NOT NULL, topic TEXT NOT NULL,
    secret TEXT NOT NULL, verify_token TEXT NOT NULL, expires_at REAL, is_active INTEGER NOT NULL,
    created REAL NOT NULL, PRIMARY KEY (provider, external_id));
CREATE TABLE IF NOT EXISTS deliveries (
    number INTEGER PRIMARY KEY, provider TEXT NOT NULL, handle TEXT NOT NULL, subscription TEXT NOT NULL,
    what TEXT NOT NULL, body BLOB NOT NULL, made REAL NOT NULL, due REAL, attempts INTEGER NOT NULL DEFAULT 0,
    is_forged INTEGER NOT NULL DEFAULT 0, url TEXT NOT NULL DEFAULT '', headers TEXT NOT NULL DEFAULT '{}',
    status INTEGER, answered TEXT NOT NULL DEFAULT '', took_ms REAL);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS served (
    provider TEXT NOT NULL, handle TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, sha256 TEXT NOT NULL,
    size INTEGER NOT NULL, times INTEGER NOT NULL, last REAL NOT NULL,
    PRIMARY KEY (provider, handle, kind, id, sha256)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (
    number INTEGER PRIMARY KEY, at REAL NOT NULL, provider TEXT NOT NULL, handle TEXT NOT NULL, method TEXT NOT NULL,
    path TEXT NOT NULL, query TEXT NOT NULL, status INTEGER NOT NULL, fault TEXT NOT NULL, note TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS requests_by_provider ON requests (provider, number);
"""
# Requests are kept for looking at; the served log is kept whole.
KEPT_REQUESTS = 50_000


class Store:
    """One file. Reading goes side by side, writing one after the other."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.local = threading.local()
        self.writing = threading.RLock()
        with self.writing:
            self.connection.executescript(TABLES)

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's own."""
        found: sqlite3.Connection | None = getattr(self.local, "connection", None)
        if found is None:
            found = sqlite3.connect(self.path, timeout=60, isolation_level=None)
            found.row_factory = sqlite3.Row
            # What was written outlives the process; only a power cut may lose the last moments of a play.
            found.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA cache_size=-8000;")
            self.local.connection = found
        return found

    def close(self) -> None:
        """Ends this thread's connection; those of other threads end with them."""
        self.connection.close()
        del self.local.connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction; inside another one it is part of that."""
        with self.writing:
            connection = self.connection
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        return self.connection.execute(query, values).fetchall()

    def row(self, query: str, *values: Any) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self.connection.execute(query, values).fetchone()
        return found

    def value(self, query: str, *values: Any) -> Any:
        """The first column of the first row, or None."""
        found = self.row(query, *values)
        return None if found is None else found[0]

    def run(self, query: str, *values: Any) -> sqlite3.Cursor:
        with self.write() as connection:
            return connection.execute(query, values)

    def run_many(self, query: str, rows: Iterable[Sequence[Any]]) -> None:
        with self.write() as connection:
            connection.executemany(query, rows)

    # --- switches -------------------------------------------------------------------------------

    def setting(self, name: str, default: Any = None) -> Any:
        told = self.value("SELECT value FROM settings WHERE name = ?", name)
        return default if told is None else json.loads(told)

    def set(self, name: str, value: Any) -> None:
        """None takes it away."""
        if value is None:
            self.run("DELETE FROM settings WHERE name = ?", name)
        else:
            self.run("INSERT OR REPLACE INTO settings VALUES (?, ?)", name, json.dumps(value))

    # --- logs -----------------------------------------------------------------------------------

    def log_request(
        self, *, at: float, provider: str, handle: str, method: str, path: str, query: str, status: int, fault: str,
        note: str, served: Iterable[tuple[str, str, str, int]],
    ) -> None:  # fmt: skip
        """One request with what it served, each as (kind, id, sha256, bytes)."""
        with self.write() as connection:
            number = connection.execute(
                "INSERT INTO requests (at, provider, handle, method, path, query, status, fault, note)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (at, provider, handle, method, path, query, status, fault, note),
            ).lastrowid
            connection.executemany(
                "INSERT INTO served VALUES (?, ?, ?, ?, ?, ?, 1, ?) ON CONFLICT DO UPDATE"
                " SET times = times + 1, last = excluded.last",
                [(provider, handle, kind, id, sha256, size, at) for kind, id, sha256, size in served],
            )
            if number and number % 1_000 == 0:
                connection.execute("DELETE FROM requests WHERE number <= ?", (number - KEPT_REQUESTS,))


def as_dict(row: sqlite3.Row) -> dict[str, Any]:
    return dict(zip(row.keys(), tuple(row), strict=True))


def words(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
