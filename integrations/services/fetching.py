"""Making requests: a few side by side, each in a thread with a session and a database connection of its own.

A thread makes the request and nothing else; what comes back is stored by whoever takes it.
"""

from __future__ import annotations

import copy
import logging
import queue
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.db import connections

from integrations import oauth
from integrations.base import NOW, Adapter, Answer, Response
from integrations.errors import ProviderError
from integrations.models import Connection, OpenAsk
from integrations.services import asking

logger = logging.getLogger(__name__)

# Without threads requests are made for so long before their answers are stored together.
TOGETHER_S = 1
# How long `close` waits for requests that nobody will store.
CLOSING_S = 5


@dataclass(frozen=True)
class Outcome:
    """What came of one request: an answer or an error, and the last response before it, if there was any."""

    row: OpenAsk
    answer: Answer | None = None
    error: Exception | None = None
    heard: Response | None = None
    seconds: float = 0


class Fetchers:
    """Makes the requests of one connection, at most `width` at a time; with 1 in the calling thread."""

    def __init__(self, connection: Connection, adapter: Adapter, width: int) -> None:
        self.under_way: dict[int, OpenAsk] = {}
        self._connection = connection
        self._adapter = adapter
        self._width = width
        self._todo: queue.SimpleQueue[OpenAsk | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._own: _Requests | None = None

    @property
    def free(self) -> int:
        """How many more requests may be handed over: more than are made at a time, so that none waits for us."""
        return 2 * max(self._width, 4) - len(self.under_way)

    def ask(self, row: OpenAsk) -> None:
        """Have the request made."""
        self.under_way[row.pk] = row
        if row.what == asking.EVENT:
            self._done.put(_of_event(row))
            return
        self._todo.put(row)
        if self._width > 1 and len(self._threads) < min(self._width, len(self.under_way)):
            thread = threading.Thread(target=self._work, name=f"{self._connection}-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def take(self, timeout_s: float) -> list[Outcome]:
        """What has come back; waits for the first, and comes back empty-handed after so many seconds."""
        if self._width <= 1:
            self._make_some()
        outcomes = []
        with suppress(queue.Empty):
            outcomes.append(self._done.get(timeout=timeout_s))
            while True:
                outcomes.append(self._done.get_nowait())
        for outcome in outcomes:
            del self.under_way[outcome.row.pk]
        return outcomes

    def recall(self) -> None:
        """Have no request begun that has not begun yet."""
        with suppress(queue.Empty):
            while row := self._todo.get_nowait():
                del self.under_way[row.pk]

    def close(self) -> None:
        """Let go of threads and sessions; what is still under way is not taken."""
        self.recall()
        for _ in self._threads:
            self._todo.put(None)
        ends = time.monotonic() + CLOSING_S
        for thread in self._threads:
            thread.join(max(0.0, ends - time.monotonic()))
        if self._own:
            self._own.close()

    def _make_some(self) -> None:
        """Make what was handed over, in this thread, for about a second."""
        self._own = self._own or _Requests(self._connection, self._adapter)
        ends = time.monotonic() + TOGETHER_S
        with suppress(queue.Empty):
            while time.monotonic() < ends and (row := self._todo.get_nowait()):
                self._done.put(self._own.make(row))

    def _work(self) -> None:
        requests = _Requests(copy.copy(self._connection), self._adapter)
        try:
            while row := self._todo.get():
                self._done.put(requests.make(row))
        finally:
            requests.close()
            connections.close_all()


class _Requests:
    """One thread's session."""

    def __init__(self, connection: Connection, adapter: Adapter) -> None:
        self._connection = connection
        self._adapter = adapter
        self._session: Any = None

    def make(self, row: OpenAsk) -> Outcome:
        began = time.monotonic()
        api: _Listening | None = None
        try:
            self._session = self._session or oauth.session_of(self._connection)
            self._session.urgent = row.rank == NOW
            api = _Listening(self._session)
            answer = self._adapter.fetch(api, asking.ask_of(row))
            return Outcome(row, answer, heard=api.heard, seconds=time.monotonic() - began)
        except ProviderError as error:
            return Outcome(row, error=error, heard=api.heard if api else None, seconds=time.monotonic() - began)
        except Exception as error:
            logger.exception("%s of %s could not be made", row, self._connection.provider)
            return Outcome(row, error=error, heard=api.heard if api else None, seconds=time.monotonic() - began)

    def close(self) -> None:
        if self._session:
            self._session.close()


class _Listening:
    """A session that remembers what it last heard."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.heard: Response | None = None

    @property
    def account_id(self) -> str:
        account_id: str = self._session.account_id
        return account_id

    @property
    def token(self) -> Mapping[str, Any]:
        token: Mapping[str, Any] = self._session.token
        return token

    def setting(self, name: str) -> str:
        value: str = self._session.setting(name)
        return value

    def get(self, *args: Any, **options: Any) -> Response:
        self.heard = None
        self.heard = self._session.get(*args, **options)
        return self.heard

    def send(self, *args: Any, **options: Any) -> Response:
        self.heard = None
        self.heard = self._session.send(*args, **options)
        return self.heard


def _of_event(row: OpenAsk) -> Outcome:
    try:
        return Outcome(row, asking.answer_of_event(row.params))
    except ValueError as error:
        return Outcome(row, error=error)
