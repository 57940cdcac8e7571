"""The people of the sandbox, what each provider knows of them, and what happens there."""

from __future__ import annotations

import http.client
import json
import logging
import math
import secrets as chance
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

from integrations.sandbox import telling
from integrations.sandbox.base import Account, Called, Change, Play, Record, Refused, Subscription, Told, number_of
from integrations.sandbox.store import Store, words
from integrations.sandbox.stories import Effort, Night, Story

log = logging.getLogger("sandbox")

CALL_TIMEOUT_S = 10


@dataclass(frozen=True)
class Person:
    handle: str
    first_name: str
    last_name: str
    # For the consent page.
    words: str


PEOPLE = {
    person.handle: person
    for person in (
        Person("demo", "Lena", "Brandt", "the demo athlete: two years of training, the same as in her files"),
        Person("empty", "Noor", "Adeyemi", "a new account with nothing in it yet"),
        Person("huge", "Ida", "Holm", "a thousand short activities, and many nights"),
    )
}
HUGE = (1_000, 6 * 3600.0, 400)
NEW_KINDS = {"easy_run": 42.0, "ride": 75.0, "swim": 35.0, "strength": 40.0, "walk": 50.0}


@dataclass(frozen=True)
class Sent:
    """What came of an event: how many records changed, and how many deliveries were made of it."""

    records: int
    deliveries: int


class World:
    def __init__(
        self, store: Store, plays: Mapping[str, Play], *, portal: str = "", demo_days: int | None = None
    ) -> None:
        self.store, self.plays = store, plays
        # The address of the server that we play for.
        self.portal = portal.rstrip("/")
        self.demo_days = demo_days
        self.locks: dict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)
        self.looked_at: dict[tuple[str, str], float] = {}
        # Set when there is something to send.
        self.to_send = threading.Event()

    # --- accounts -------------------------------------------------------------------------------

    def account(self, slug: str, handle: str) -> Account:
        """The account of one of `PEOPLE`, made where it is new."""
        if handle not in PEOPLE:
            raise Refused(404, f"There is nobody called {handle}.")
        row = self.store.row("SELECT * FROM accounts WHERE provider = ? AND handle = ?", slug, handle)
        if row is not None:
            return _account(row)
        person = PEOPLE[handle]
        email = f"{person.first_name.lower()}@sandbox.example"
        given = self.plays[slug].account_id
        id = given(handle) if given else str(number_of(slug, handle, digits=8))
        made = Account(handle, id, person.first_name, person.last_name, email)
        self.store.run(
            "INSERT OR IGNORE INTO accounts (provider, handle, id, first_name, last_name, email)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            slug, handle, made.id, made.first_name, made.last_name, email,
        )  # fmt: skip
        return made

    def account_by_id(self, slug: str, id: str) -> Account | None:
        row = self.store.row("SELECT * FROM accounts WHERE provider = ? AND id = ?", slug, id)
        return None if row is None else _account(row)

    def is_deleted(self, slug: str, handle: str) -> bool:
        query = "SELECT is_deleted FROM accounts WHERE provider = ? AND handle = ?"
        return bool(self.store.value(query, slug, handle))

    def connected(self, slug: str) -> list[Account]:
        """Whose consent stands."""
        query = (
            "SELECT * FROM accounts a WHERE provider = ? AND NOT is_deleted AND EXISTS (SELECT 1 FROM grants g"
            " WHERE g.provider = a.provider AND g.handle = a.handle AND ended IS NULL) ORDER BY handle"
        )
        return [_account(row) for row in self.store.rows(query, slug)]

    def is_connected(self, slug: str, handle: str) -> bool:
        query = "SELECT 1 FROM grants WHERE provider = ? AND handle = ? AND ended IS NULL"
        return self.store.value(query, slug, handle) is not None

    def end_grants(self, slug: str, handle: str) -> int:
        """Ends all consents of the account; returns how many stood."""
        query = "UPDATE grants SET ended = ? WHERE provider = ? AND handle = ? AND ended IS NULL"
        return self.store.run(query, time.time(), slug, handle).rowcount

    def revoke(self, slug: str, handle: str) -> Sent:
        """The athlete takes the consent back at the provider."""
        account = self.account(slug, handle)
        is_new = self.is_connected(slug, handle)
        # Told while the consent stands: afterwards nothing is told of the account.
        change = Change("revoked", account, time.time())
        deliveries = self.tell_subscribers(slug, [change]) if is_new else 0
        self.end_grants(slug, handle)
        return Sent(0, deliveries)

    def delete_account(self, slug: str, handle: str) -> Sent:
        """The athlete deletes the account at the provider."""
        sent = self.revoke(slug, handle)
        self.store.run("UPDATE accounts SET is_deleted = 1 WHERE provider = ? AND handle = ?", slug, handle)
        return sent

    def restore_account(self, slug: str, handle: str) -> None:
        self.store.run("UPDATE accounts SET is_deleted = 0 WHERE provider = ? AND handle = ?", slug, handle)

    def secret(self, slug: str, name: str) -> str:
        """What the operator has from the provider's portal."""
        if name == "CLIENT_ID":
            return f"sandbox-{slug}"
        return "sandbox-secret" if name == "CLIENT_SECRET" else f"sandbox-{name.lower()}"

    # --- records --------------------------------------------------------------------------------

    def ensure_told(self, slug: str, handle: str) -> None:
        """Every story that has happened by now is told."""
        now = time.time()
        key = (slug, handle)
        if now - self.looked_at.get(key, 0) < 30 or handle == "empty":
            return
        with self.locks[key]:
            if now - self.looked_at.get(key, 0) < 30:
                return
            account = self.account(slug, handle)
            query = "SELECT told_until FROM accounts WHERE provider = ? AND handle = ?"
            until = self.store.value(query, slug, handle)
            if handle == "huge" and until is None and self._seed_of(slug, handle) is None:
                self._seed(slug, handle, *HUGE, newest=now)
            keys = self._keys(handle, until, now)
            if until is None and (seed := self._seed_of(slug, handle)):
                keys = [*self._seeded(slug, account, seed), *keys]
            self._tell(slug, account, keys, now)
            self.looked_at[key] = now

    def _keys(self, handle: str, until: float | None, now: float) -> list[str]:
        """What happened since it was last told, by the demo's calendar."""
        if handle != "demo":
            return []
        today = datetime.fromtimestamp(now, UTC).date()
        begins = telling.demo_begins(today)
        if self.demo_days is not None:
            begins = today - timedelta(days=self.demo_days)
        since = begins if until is None else datetime.fromtimestamp(until, UTC).date() - timedelta(days=2)
        return [key for key in telling.demo_keys(since, today) if telling.has_happened(key, now)]

    def _seeded(self, slug: str, account: Account, seed: sqlite3.Row) -> Iterator[str]:
        """As many efforts as were wanted, of kinds that this provider records, and nights with their days."""
        wanted = seed["efforts"]
        for key in telling.many_keys(seed["newest"], seed["days"]) if wanted else ():
            kind = key.split(":")[2]
            if telling.knows(slug, kind):
                wanted -= 1
                yield key
            if not wanted:
                break
        today = datetime.fromtimestamp(seed["newest"], UTC).date()
        for back in range(1, seed["nights"] + 1):
            day = today - timedelta(days=back)
            if day < date(2020, 2, 1):
                break
            yield from (f"night:{day}", f"day:{day}")

    def _seed_of(self, slug: str, handle: str) -> sqlite3.Row | None:
        return self.store.row("SELECT * FROM seeds WHERE provider = ? AND handle = ?", slug, handle)

    def _seed(self, slug: str, handle: str, efforts: int, apart_s: float, nights: int, *, newest: float) -> None:
        self.store.run(
            "INSERT OR REPLACE INTO seeds VALUES (?, ?, ?, ?, ?, ?)", slug, handle, efforts, apart_s, nights, newest
        )

    def seed(
        self, slug: str, handle: str, *, efforts: int, apart_s: float = HUGE[1], nights: int = 0,
        newest: float | None = None,
    ) -> int:  # fmt: skip
        """Puts so many short efforts, and nights with their days, in place of what the account had; counts records."""
        if handle == "empty":
            raise Refused(400, "The empty account stays empty.")
        account = self.account(slug, handle)
        with self.locks[slug, handle]:
            self.forget(slug, handle)
            self._seed(slug, handle, efforts, apart_s, nights, newest=newest or time.time())
            seed = self._seed_of(slug, handle)
            assert seed is not None
            now = time.time()
            self._tell(slug, account, self._seeded(slug, account, seed), now)
            self.looked_at[slug, handle] = now
        return int(self.store.value(
            "SELECT count(*) FROM records WHERE provider = ? AND handle = ? AND NOT is_deleted", slug, handle
        ))  # fmt: skip

    def forget(self, slug: str, handle: str) -> None:
        """All records of the account go, and it is told anew when somebody looks."""
        with self.store.write() as connection:
            for table in ("records", "stories", "memory", "seeds"):
                connection.execute(f"DELETE FROM {table} WHERE provider = ? AND handle = ?", (slug, handle))  # noqa: S608
            query = "UPDATE accounts SET told_until = NULL, is_deleted = 0 WHERE provider = ? AND handle = ?"
            connection.execute(query, (slug, handle))
        self.looked_at.pop((slug, handle), None)

    def _tell(self, slug: str, account: Account, keys: Iterable[str], now: float) -> None:
        play = self.plays[slug]
        told: list[tuple[Any, ...]] = []
        for key in keys:
            story = telling.story_of(key, slug)
            for position, it in enumerate(play.tell(story, account) if story is not None else ()):
                told.append((slug, account.handle, it.kind, it.id, it.start, it.updated, key, position, it.body))
        with self.store.write() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO records (provider, handle, kind, id, start, updated, story, position, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                told,
            )
            query = "UPDATE accounts SET told_until = ? WHERE provider = ? AND handle = ?"
            connection.execute(query, (now, slug, account.handle))

    def story(self, slug: str, handle: str, key: str) -> Story:
        """The story with what was edited of it."""
        query = "SELECT edited, edited_at FROM stories WHERE provider = ? AND handle = ? AND story = ?"
        row = self.store.row(query, slug, handle, key)
        edited, edited_at = (json.loads(row["edited"]), row["edited_at"]) if row else ({}, 0.0)
        story = telling.story_of(key, slug, edited, edited_at)
        if story is None:
            raise Refused(404, f"{slug} knows nothing of {key}.")
        return story

    def record_of(self, slug: str, account: Account, row: sqlite3.Row) -> Record:
        """The record of a row; its bytes are made now where nobody asked for them before."""
        body = row["body"]
        if body is None:
            story = self.story(slug, account.handle, row["story"])
            body = self.plays[slug].make(row["kind"], row["id"], story, account)
            with self.store.write() as connection:
                # Whoever makes them first, all serve the same.
                connection.execute(
                    "UPDATE records SET body = ? WHERE number = ? AND body IS NULL AND updated = ?",
                    (body, row["number"], row["updated"]),
                )
        return Record(
            row["kind"], row["id"], bytes(body), start=row["start"], updated=row["updated"], story=row["story"],
            is_deleted=bool(row["is_deleted"]),
        )  # fmt: skip

    # --- what happens at the provider ---------------------------------------------------------------

    def story_key(self, slug: str, handle: str, kind: str, id: str) -> str:
        """The story of a record, deleted ones too; refused with 404 where there is none."""
        query = "SELECT story FROM records WHERE provider = ? AND handle = ? AND kind = ? AND id = ?"
        found = self.store.value(query, slug, handle, kind, id)
        if found is None:
            raise Refused(404, f"{slug} has no {kind} {id} of {handle}.")
        return str(found)

    def edit(self, slug: str, handle: str, key: str, changes: Mapping[str, Any]) -> Sent:
        """Changes a story at one provider, and tells of the records that are others now.

        {"name": ...}, {"sport": ...}, {"private": True}; "rescored" counts up by what is given.
        """
        account = self.account(slug, handle)
        with self.locks[slug, handle]:
            query = "SELECT 1 FROM records WHERE provider = ? AND handle = ? AND story = ? AND is_deleted = 0"
            if self.store.value(query, slug, handle, key) is None:
                raise Refused(404, "It was deleted: bring it back first.")
            edited = {**self.story(slug, handle, key).edited, **changes}
            if "rescored" in changes:
                edited["rescored"] = self.story(slug, handle, key).edited.get("rescored", 0) + changes["rescored"]
            # A whole second later than before, as providers tell the time.
            at = max(math.floor(time.time()), math.floor(self.story(slug, handle, key).updated_at) + 1)
            self.store.run(
                "INSERT INTO stories VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT DO UPDATE SET edited = excluded.edited,"
                " edited_at = excluded.edited_at",
                slug, handle, key, words(edited), at,
            )  # fmt: skip
            story = self.story(slug, handle, key)
            changed = list(self._retell(slug, account, story, self.plays[slug].tell(story, account)))
        return self._sent(slug, changed)

    def _retell(self, slug: str, account: Account, story: Story, told: Iterable[Told]) -> Iterator[Change]:
        """Puts the story's records as they are now in place of those before; yields what became of each."""
        now = time.time()
        query = "SELECT * FROM records WHERE provider = ? AND handle = ? AND story = ? ORDER BY position"
        before = {(row["kind"], row["id"]): row for row in self.store.rows(query, slug, account.handle, story.key)}
        for position, it in enumerate(told):
            row = before.pop((it.kind, it.id), None)
            if row is not None and not row["is_deleted"] and row["body"] == it.body and it.body is not None:
                continue
            with self.store.write() as connection:
                connection.execute(
                    "INSERT INTO records (provider, handle, kind, id, start, updated, story, position, body)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET start = excluded.start,"
                    " updated = excluded.updated, body = excluded.body, is_deleted = 0, position = excluded.position",
                    (slug, account.handle, it.kind, it.id, it.start, it.updated, story.key, position, it.body),
                )
            what: Literal["created", "updated"] = "created" if row is None or row["is_deleted"] else "updated"
            record = self.find(slug, account, it.kind, it.id)
            yield Change(what, account, now, record, story, story.edited)
        for row in before.values():
            if not row["is_deleted"]:
                self.store.run("UPDATE records SET is_deleted = 1 WHERE number = ?", row["number"])
                yield Change("deleted", account, now, self.record_of(slug, account, row), story, story.edited)

    def delete(self, slug: str, handle: str, key: str) -> Sent:
        """The athlete deletes an activity or a night at one provider."""
        account = self.account(slug, handle)
        with self.locks[slug, handle]:
            story = self.story(slug, handle, key)
            changed = list(self._retell(slug, account, story, ()))
        return self._sent(slug, changed)

    def restore(self, slug: str, handle: str, key: str) -> Sent:
        """What was deleted is there again."""
        account = self.account(slug, handle)
        with self.locks[slug, handle]:
            story = self.story(slug, handle, key)
            changed = list(self._retell(slug, account, story, self.plays[slug].tell(story, account)))
        return self._sent(slug, changed)

    def add(self, slugs: Iterable[str], handle: str, kind: str, minutes: float = 0) -> dict[str, Sent]:
        """A new effort that has just ended, at each of these providers that records such a thing."""
        key = telling.new_key(time.time(), kind, minutes or NEW_KINDS.get(kind, 45.0))
        sent = {}
        for slug in slugs:
            account = self.account(slug, handle)
            self.ensure_told(slug, handle)
            story = telling.story_of(key, slug)
            if story is None:
                continue
            with self.locks[slug, handle]:
                changed = list(self._retell(slug, account, story, self.plays[slug].tell(story, account)))
            sent[slug] = self._sent(slug, changed)
        return sent

    def _sent(self, slug: str, changed: list[Change]) -> Sent:
        return Sent(len(changed), self.tell_subscribers(slug, changed))

    def find(self, slug: str, account: Account, kind: str, id: str) -> Record | None:
        query = "SELECT * FROM records WHERE provider = ? AND handle = ? AND kind = ? AND id = ?"
        row = self.store.row(query, slug, account.handle, kind, id)
        return None if row is None else self.record_of(slug, account, row)

    def newest(self, slug: str, handle: str, kind: str, limit: int) -> list[Record]:
        """The newest records of a kind, deleted ones too."""
        if not kind:
            return []
        account = self.account(slug, handle)
        query = "SELECT * FROM records WHERE provider = ? AND handle = ? AND kind = ? ORDER BY start DESC LIMIT ?"
        return [self.record_of(slug, account, row) for row in self.store.rows(query, slug, handle, kind, limit)]

    # --- webhooks -------------------------------------------------------------------------------

    def subscriptions(self, slug: str) -> list[Subscription]:
        """Where this provider's webhooks go."""
        webhooks = self.plays[slug].webhooks
        if webhooks and webhooks.portal:
            callback = self.callback(slug)
            secret = self.secret(slug, webhooks.portal_secret)
            return [Subscription("portal", callback, secret=secret)] if callback else []
        query = "SELECT * FROM subscriptions WHERE provider = ? ORDER BY created, external_id"
        return [
            Subscription(
                row["external_id"], row["callback_url"], row["topic"], row["secret"], row["verify_token"],
                row["expires_at"], bool(row["is_active"]),
            )
            for row in self.store.rows(query, slug)
        ]  # fmt: skip

    def callback(self, slug: str) -> str:
        """What was typed into the provider's portal."""
        default = f"{self.portal}/webhooks/{slug}/" if self.portal else ""
        return str(self.store.setting(f"callback:{slug}", default))

    def tell_subscribers(self, slug: str, changes: Iterable[Change]) -> int:
        """Queues what is to be sent of these changes; returns how many deliveries that makes."""
        webhooks = self.plays[slug].webhooks
        now = time.time()
        made = []
        for change in changes:
            if webhooks is None or not self.is_connected(slug, change.account.handle):
                continue
            shelf = StoreShelf(self, slug, change.account, now)
            for subscription in self.subscriptions(slug):
                if not subscription.is_active or (subscription.expires_at or math.inf) < now:
                    continue
                body = webhooks.body(change, subscription, shelf)
                if body is not None:
                    about = f" {change.record.kind} {change.record.id}" if change.record else ""
                    what = change.what + about
                    made.append((slug, change.account.handle, subscription.external_id, what, body, now, now))
        self.store.run_many(
            "INSERT INTO deliveries (provider, handle, subscription, what, body, made, due)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            made,
        )
        self.to_send.set()
        return len(made)

    def send_again(self, number: int, *, forged: bool = False) -> int:
        """The same body once more, signed anew; `forged` signs it with a wrong secret. Returns the new number."""
        cursor = self.store.run(
            "INSERT INTO deliveries (provider, handle, subscription, what, body, made, due, is_forged)"
            " SELECT provider, handle, subscription, what, body, ?, ?, ? FROM deliveries WHERE number = ?",
            time.time(), time.time(), int(forged), number,
        )  # fmt: skip
        if not cursor.rowcount or cursor.lastrowid is None:
            raise Refused(404, f"There is no delivery {number}.")
        self.to_send.set()
        return cursor.lastrowid


def call(method: str, url: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Called:
    """One request without following redirects; status 0 where nobody answered."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    told = {"user-agent": "trainstack-sandbox", "accept": "*/*", **(headers or {})}
    try:
        with closing(kind(parts.hostname or "", parts.port, timeout=CALL_TIMEOUT_S)) as connection:
            connection.request(method, path, body=body or None, headers=told)
            response = connection.getresponse()
            return Called(
                response.status, response.read(1_000_000), {name.lower(): it for name, it in response.getheaders()}
            )
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Called(0, str(error).encode())


def _account(row: sqlite3.Row) -> Account:
    return Account(row["handle"], row["id"], row["first_name"], row["last_name"], row["email"])


class StoreShelf:
    """The store, of one provider and one account: see `base.Shelf`."""

    def __init__(self, world: World, slug: str, account: Account | None, now: float) -> None:
        self.world, self.store, self.slug, self.now = world, world.store, slug, now
        self._account = account

    @property
    def account(self) -> Account:
        if self._account is None:
            raise Refused(500, "This route has no account: use shelf.of(account_id).")
        return self._account

    def accounts(self) -> list[Account]:
        return self.world.connected(self.slug)

    def of(self, account_id: str) -> StoreShelf:
        account = self.world.account_by_id(self.slug, account_id)
        if account is None:
            raise Refused(404, "There is no such account.")
        return StoreShelf(self.world, self.slug, account, self.now)

    def _where(self, kind: str, since: float | None, until: float | None, by: str) -> tuple[str, list[Any]]:
        # Only now: whoever asks for a name or registers does not wait for two years to be told.
        self.world.ensure_told(self.slug, self.account.handle)
        where = "provider = ? AND handle = ? AND kind = ? AND is_deleted = 0"
        values: list[Any] = [self.slug, self.account.handle, kind]
        for sign, moment in ((">=", since), ("<", until)):
            if moment is not None:
                where += f" AND {by} {sign} ?"
                values.append(moment)
        return where, values

    def records(
        self, kind: str, *, since: float | None = None, until: float | None = None,
        by: Literal["start", "updated"] = "start", newest_first: bool = True, limit: int | None = None, offset: int = 0,
    ) -> list[Record]:  # fmt: skip
        where, values = self._where(kind, since, until, by)
        way = "DESC" if newest_first else "ASC"
        query = f"SELECT * FROM records WHERE {where} ORDER BY {by} {way}, id {way} LIMIT ? OFFSET ?"  # noqa: S608
        rows = self.store.rows(query, *values, -1 if limit is None else limit, offset)
        return [self.world.record_of(self.slug, self.account, row) for row in rows]

    def count(self, kind: str, *, since: float | None = None, until: float | None = None) -> int:
        where, values = self._where(kind, since, until, "start")
        return int(self.store.value(f"SELECT count(*) FROM records WHERE {where}", *values))  # noqa: S608

    def record(self, kind: str, id: str) -> Record:
        found = self.find(kind, id)
        if found is None:
            raise Refused(404, "There is no such record.")
        return found

    def find(self, kind: str, id: str) -> Record | None:
        self.world.ensure_told(self.slug, self.account.handle)
        found = self.world.find(self.slug, self.account, kind, id)
        return None if found is None or found.is_deleted else found

    def story(self, record: Record) -> Story:
        return self.world.story(self.slug, self.account.handle, record.story)

    def recall(self, key: str) -> Any:
        query = "SELECT value FROM memory WHERE provider = ? AND handle = ? AND name = ?"
        told = self.store.value(query, self.slug, self.account.handle, key)
        return None if told is None else json.loads(told)

    def remember(self, key: str, value: Any) -> None:
        query = "INSERT OR REPLACE INTO memory VALUES (?, ?, ?, ?)"
        self.store.run(query, self.slug, self.account.handle, key, json.dumps(value))

    def revoke(self) -> None:
        self.world.end_grants(self.slug, self.account.handle)

    def revoke_token(self, token: str) -> bool:
        query = (
            "UPDATE grants SET ended = ? WHERE ended IS NULL AND number IN"
            " (SELECT granted FROM tokens WHERE token = ? AND provider = ?)"
        )
        return self.store.run(query, time.time(), token, self.slug).rowcount > 0

    def secret(self, name: str) -> str:
        return self.world.secret(self.slug, name)

    def subscriptions(self) -> list[Subscription]:
        return self.world.subscriptions(self.slug)

    def subscribe(self, subscription: Subscription) -> Subscription:
        number = subscription.external_id or str(100_000 + chance.randbelow(900_000))
        self.store.run(
            "INSERT INTO subscriptions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " callback_url = excluded.callback_url, topic = excluded.topic, secret = excluded.secret,"
            " verify_token = excluded.verify_token, expires_at = excluded.expires_at, is_active = excluded.is_active",
            self.slug, number, subscription.callback_url, subscription.topic, subscription.secret,
            subscription.verify_token, subscription.expires_at, int(subscription.is_active), self.now,
        )  # fmt: skip
        return next(it for it in self.subscriptions() if it.external_id == number)

    def unsubscribe(self, external_id: str) -> bool:
        query = "DELETE FROM subscriptions WHERE provider = ? AND external_id = ?"
        return self.store.run(query, self.slug, external_id).rowcount > 0

    def call(self, method: str, url: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Called:
        began = time.perf_counter()
        called = call(method, url, body=body, headers=headers)
        self.store.run(
            "INSERT INTO deliveries (provider, handle, subscription, what, body, made, attempts, url, headers, status,"
            " answered, took_ms) VALUES (?, '', '', ?, ?, ?, 1, ?, ?, ?, ?, ?)",
            self.slug, f"handshake {method}", body, time.time(), url, words(dict(headers or {})), called.status,
            called.body[:2_000].decode("utf-8", "replace"), (time.perf_counter() - began) * 1000,
        )  # fmt: skip
        return called


def describe(story: Story) -> str:
    """One line for a page."""
    if isinstance(story, Effort):
        way = f", {story.distance_m / 1000:.1f} km" if story.distance_m else ""
        return f"{story.name} ({story.sport.replace('_', ' ')}{way}, {story.elapsed_s / 60:.0f} min)"
    return f"{'Night to' if isinstance(story, Night) else 'Day'} {story.day}"
