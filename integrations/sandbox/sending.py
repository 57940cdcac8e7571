"""What goes out: deliveries in their order, repeated as the provider would, and logged."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from dataclasses import replace

from integrations.sandbox.store import words
from integrations.sandbox.world import StoreShelf, World, call

log = logging.getLogger("sandbox")

# Nobody at a demo waits for hours: longer waits of the provider are cut to this.
LONGEST_WAIT_S = 30.0
IDLE_S = 1.0
WRONG = "a wrong secret"


class Sender:
    """One thread that sends what is due."""

    def __init__(self, world: World) -> None:
        self.world, self.store = world, world.store
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, name="sandbox sender", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.over.set()
        self.world.to_send.set()
        self.thread.join(timeout=5)

    def run(self) -> None:
        while not self.over.is_set():
            self.world.to_send.clear()
            try:
                if not self.send_due():
                    self.world.to_send.wait(self.idle_s())
            except Exception:
                log.exception("a delivery could not be sent")
                self.over.wait(IDLE_S)

    def idle_s(self) -> float:
        """Seconds until something is due that nobody will call for."""
        due = self.store.value("SELECT min(due) FROM deliveries WHERE due IS NOT NULL")
        return IDLE_S if due is None else min(IDLE_S, max(0.01, due - time.time()))

    def send_due(self) -> int:
        """Sends what is due, oldest first; returns how many were tried."""
        query = "SELECT * FROM deliveries WHERE due IS NOT NULL AND due <= ? ORDER BY number LIMIT 50"
        rows = self.store.rows(query, time.time())
        for row in rows:
            if self.over.is_set():
                break
            self.send(row)
        return len(rows)

    def send(self, row: sqlite3.Row) -> None:
        slug = row["provider"]
        webhooks = self.world.plays[slug].webhooks
        subscription = next(
            (it for it in self.world.subscriptions(slug) if it.external_id == row["subscription"]), None
        )
        if webhooks is None or subscription is None:
            self._done(row, "", {}, 0, "There is no such subscription any more.", 0)
            return
        account = self.world.account(slug, row["handle"])
        shelf = StoreShelf(self.world, slug, account, time.time())
        headers, body = {"content-type": webhooks.content_type}, bytes(row["body"])
        if row["is_forged"]:
            # Some providers prove themselves by a secret in the body.
            if subscription.secret:
                body = body.replace(subscription.secret.encode(), WRONG.encode())
            headers |= webhooks.sign(body, replace(subscription, secret=WRONG, verify_token=WRONG), Forger(shelf))
        else:
            headers |= webhooks.sign(body, subscription, shelf)
        began = time.perf_counter()
        called = call("POST", subscription.callback_url, body=body, headers=headers)
        took_ms = (time.perf_counter() - began) * 1000
        answered = called.body[:2_000].decode("utf-8", "replace")
        attempts = row["attempts"] + 1
        is_good = 200 <= called.status < 300
        if is_good or row["is_forged"] or attempts > len(webhooks.retries_s):
            self._done(row, subscription.callback_url, headers, called.status, answered, took_ms)
        else:
            wait_s = min(LONGEST_WAIT_S, webhooks.retries_s[attempts - 1])
            self._done(row, subscription.callback_url, headers, called.status, answered, took_ms, time.time() + wait_s)

    def _done(
        self, row: sqlite3.Row, url: str, headers: dict[str, str], status: int, answered: str, took_ms: float,
        due: float | None = None,
    ) -> None:  # fmt: skip
        self.store.run(
            "UPDATE deliveries SET due = ?, attempts = attempts + 1, url = ?, headers = ?, status = ?, answered = ?,"
            " took_ms = ? WHERE number = ?",
            due, url, words(headers), status, answered, took_ms, row["number"],
        )  # fmt: skip


class Forger(StoreShelf):
    """A shelf of somebody who knows no secret."""

    def __init__(self, shelf: StoreShelf) -> None:
        super().__init__(shelf.world, shelf.slug, shelf.account, shelf.now)

    def secret(self, name: str) -> str:
        return WRONG
