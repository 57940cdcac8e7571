"""A sandbox for a test: over real HTTP, in threads of the test's process, its store in a folder of its own."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import urlencode, urlsplit
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

from integrations.sandbox.app import Sandbox
from integrations.sandbox.base import Play


@dataclass(frozen=True)
class Got:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Handler(ServerHandler):
    http_version = "1.1"

    def log_exception(self, exc_info: Any) -> None:
        # A client that does not wait for the answer is no accident.
        if exc_info[0] is not None and not issubclass(exc_info[0], ConnectionError):
            super().log_exception(exc_info)


class RequestHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass

    def handle(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            return
        handler = Handler(self.rfile, self.wfile, self.get_stderr(), self.get_environ(), multithread=True)
        handler.request_handler = self  # type: ignore[attr-defined]
        handler.run(self.server.get_app())  # type: ignore[attr-defined]


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128

    def server_bind(self) -> None:
        # Without looking up the machine's name.
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no accident."""


class Running:
    """A sandbox that is being served, and the switches that a test presses."""

    def __init__(self, path: Path, *, portal: str, known: Mapping[str, Play] | None, demo_days: int | None) -> None:
        self.sandbox = Sandbox(path, portal=portal, known=known, demo_days=demo_days)
        self.server = Server(("127.0.0.1", 0), RequestHandler)
        self.server.set_app(self.sandbox)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
        self.sandbox.close()

    # --- requests -------------------------------------------------------------------------------

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None,
        form: Mapping[str, Any] | None = None,
        data: Any = None, token: str = "", timeout_s: float = 30,
    ) -> Got:  # fmt: skip
        """One request; `path` begins with "/" or is a whole address of the sandbox. Redirects are not followed."""
        told = dict(headers or {})
        body = None
        if form is not None:
            body = urlencode(form, doseq=True).encode()
            told["content-type"] = "application/x-www-form-urlencoded"
        elif data is not None:
            body = json.dumps(data).encode()
            told["content-type"] = "application/json"
        if token:
            told["authorization"] = f"Bearer {token}"
        parts = urlsplit(self.url)
        with closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)) as connection:
            connection.request(method, path.removeprefix(self.url), body, told)
            response = connection.getresponse()
            return Got(response.status, {name.lower(): it for name, it in response.getheaders()}, response.read())

    def get(self, path: str, **options: Any) -> Got:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Got:
        return self.request("POST", path, **options)

    # --- switches -------------------------------------------------------------------------------

    def control(self, action: str, **told: Any) -> Any:
        """One of the switches of `integrations.sandbox.control`, over HTTP."""
        got = self.post(f"/control/{action}", data=told)
        assert got.status == 200, got.body
        return got.json

    def look(self, name: str, **query: Any) -> Any:
        got = self.get(f"/control/{name}?{urlencode(query)}")
        assert got.status == 200, got.body
        return got.json

    def grant(self, provider: str, account: str = "demo", scopes: list[str] | None = None) -> dict[str, Any]:
        """The token answer of a consent, without its page."""
        return self.control("grant", provider=provider, account=account, scopes=scopes)["token"]

    def fault(self, provider: str, fault: str, **told: Any) -> int:
        return self.control("faults", provider=provider, fault=fault, **told)["number"]

    def records(self, provider: str, kind: str = "", account: str = "demo") -> list[dict[str, Any]]:
        """The records of an account, oldest first; `id`, `kind`, `sha256` and more."""
        return self.look("records", provider=provider, kind=kind, account=account)

    def served(self, provider: str, kind: str = "") -> dict[str, dict[str, list[str]]]:
        """sha256 of everything that went out whole: {kind: {id: [sha256, ...]}}."""
        return self.look("served", provider=provider, kind=kind)["served"]

    def requests(self, provider: str) -> list[tuple[str, str, int]]:
        """Method, path behind the slug's slash, status of what was asked, oldest first."""
        rows = self.look("requests", provider=provider)
        return [(row["method"], row["path"].removeprefix(f"/{provider}"), row["status"]) for row in reversed(rows)]

    def delivered(self, provider: str, count: int = 1, timeout_s: float = 15) -> list[dict[str, Any]]:
        """The deliveries, newest first, once so many of them are done."""
        deadline = time.monotonic() + timeout_s
        while True:
            rows = [row for row in self.look("deliveries", provider=provider) if row["subscription"]]
            if sum(row["due"] is None for row in rows) >= count:
                return rows
            assert time.monotonic() < deadline, rows
            time.sleep(0.02)


@contextmanager
def running(
    path: Path, *, portal: str = "", known: Mapping[str, Play] | None = None, demo_days: int | None = 35
) -> Iterator[Running]:
    """The sandbox on a free port. `portal` is the server that it sends webhooks to; `known` are the providers (None:
    all that there are); the demo athlete's story begins `demo_days` ago (None: two years).
    """
    served = Running(path, portal=portal, known=known, demo_days=demo_days)
    try:
        yield served
    finally:
        served.close()
