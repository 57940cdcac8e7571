"""A provider's server on loopback that plays back the answers it was given, and fails on any call that it was not.

    def test_account_is_the_athlete(playback, api_of):
        playback.answer("GET", "/strava/api/v3/athlete", json={"id": 7})

        assert StravaAdapter().account(api_of(PROVIDER)) == Account("7")

The addresses of every provider lead here, as they would lead to the sandbox: `/<slug>` and then the true path. Calls
that were made stand in `playback.calls`; at the end every answer must have been asked for.
"""

from __future__ import annotations

import json as json_module
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

# What a call is answered with that nobody foresaw: nothing repeats it.
UNEXPECTED = 418


@dataclass(frozen=True)
class Call:
    """One request as it came; header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json_module.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def target(self) -> str:
        """ "GET /strava/api/v3/athlete"."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Reply:
    """What goes back. `drop` cuts the connection instead; `wait_s` passes first, and `drip_s` after each byte."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_s: float = 0
    drip_s: float = 0
    drop: bool = False


@dataclass
class Expected:
    method: str
    path: str
    query: Mapping[str, str] | None
    reply: Reply | Callable[[Call], Reply]
    left: float


class Playback:
    """The server. `url` is where it listens."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.unexpected: list[str] = []
        self._expected: list[Expected] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def answer(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        status: int = 200,
        json: Any = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        times: float = 1,
        wait_s: float = 0,
        drip_s: float = 0,
        drop: bool = False,
        by: Callable[[Call], Reply] | None = None,
    ) -> None:
        """Answer the next `times` calls of this method and path; with `query` only those with exactly that query.

        Answers of one path are given in the order in which they were told. `by` makes the answer out of the call;
        `times=float("inf")` is for answers that may be asked for or not.
        """
        content = {"content-type": "application/json"} if json is not None else {}
        reply = Reply(
            status=status,
            body=body if json is None else json_module.dumps(json).encode(),
            headers={**content, **(headers or {})},
            wait_s=wait_s,
            drip_s=drip_s,
            drop=drop,
        )
        wanted = None if query is None else {name: str(value) for name, value in query.items()}
        with self._lock:
            self._expected.append(Expected(method, path, wanted, by or reply, times))

    @property
    def made(self) -> list[str]:
        """Method and path of every call so far."""
        return [call.target for call in self.calls]

    def calls_of(self, path: str) -> Sequence[Call]:
        return [call for call in self.calls if call.path == path]

    def reply_to(self, call: Call) -> Reply:
        with self._lock:
            self.calls.append(call)
            for one in self._expected:
                fits = (one.method, one.path) == (call.method, call.path) and one.query in (None, call.query)
                if fits and one.left:
                    one.left -= 1
                    break
            else:
                self.unexpected.append(f"{call.target}?{dict(call.query)}")
                return Reply(UNEXPECTED, b"This call was not expected.")
        return one.reply if isinstance(one.reply, Reply) else one.reply(call)

    def verify(self) -> None:
        """Fails where a call came that nobody foresaw, or one did not come."""
        assert self.unexpected == []
        left = [f"{it.method} {it.path}" for it in self._expected if 0 < it.left < float("inf")]
        assert left == [], "these calls were never made"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler_of(playback: Playback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Otherwise an answer of two writes waits for the client's acknowledgement.
        disable_nagle_algorithm = True

        def play(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            call = Call(
                method=self.command,
                path=parts.path,
                query=dict(parse_qsl(parts.query, keep_blank_values=True)),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(length),
            )
            reply = playback.reply_to(call)
            time.sleep(reply.wait_s)
            if reply.drop:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            try:
                self._send(reply)
            except OSError:
                # Whoever asked has given up: that is what some tests are about.
                self.close_connection = True

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            told = {name.lower() for name in reply.headers}
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if "content-length" not in told and reply.status not in (204, 304):
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            step = 1 if reply.drip_s else max(len(reply.body), 1)
            for start in range(0, len(reply.body), step):
                self.wfile.write(reply.body[start : start + step])
                time.sleep(reply.drip_s)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = play  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
