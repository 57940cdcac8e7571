"""A sandbox that plays the invented provider `tempo`, and a server that webhooks are sent to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.integrations.sandbox import tempo
from tests.integrations.sandbox.serving import Running, running


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Running]:
    """Tempo, with the demo athlete's last fortnight."""
    with running(tmp_path / "sandbox.sqlite3", known={"tempo": tempo.PLAY}, demo_days=14) as served:
        yield served


@dataclass
class Receiver:
    """Takes webhooks; answers `status`, and a challenge with itself."""

    url: str = ""
    status: int = 200
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self.answer(200, parse_qs(urlsplit(self.path).query).get("challenge", [""])[0].encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            told.got.append(({name.lower(): it for name, it in self.headers.items()}, body))
            self.answer(told.status, b"heard")

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()
