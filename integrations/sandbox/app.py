"""The sandbox as a WSGI application: whose path it is, who may, whether it goes wrong, who answers, what was served."""

from __future__ import annotations

import importlib
import logging
import math
import pkgutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from integrations.sandbox import faults
from integrations.sandbox.base import Account, Answer, Play, Refused, Request, Route, Used, dumps
from integrations.sandbox.consent import LOCAL_HOSTS, Consent
from integrations.sandbox.sending import Sender
from integrations.sandbox.store import Store
from integrations.sandbox.world import StoreShelf, World

log = logging.getLogger("sandbox")

LARGEST_BODY = 32 * 2**20
REASONS = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 302: "Found", 303: "See Other", 400: "Bad Request",
    401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    406: "Not Acceptable", 409: "Conflict", 410: "Gone", 413: "Content Too Large", 415: "Unsupported Media Type",
    422: "Unprocessable Content", 429: "Too Many Requests", 500: "Internal Server Error",
    503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip
# What stands in a limit's header where somebody turned the limit off.
NO_LIMIT = 1_000_000
# Whatever starts beside the sandbox goes first.
PREPARES_AFTER_S = 10.0
# Faults that strike somebody.
NEEDS_ACCOUNT = ("unauthorized", "revoked", "account_deleted")

Environ = Mapping[str, Any]


def plays() -> dict[str, Play]:
    """Every provider that has a module, by slug."""
    from integrations.sandbox import providers

    found = {}
    for module in pkgutil.iter_modules(providers.__path__):
        play = importlib.import_module(f"{providers.__name__}.{module.name}").PLAY
        found[play.slug] = play
    return found


@dataclass
class Note:
    """What the log says of a request."""

    provider: str = ""
    handle: str = ""
    fault: str = ""
    words: str = ""
    served: list[tuple[str, str, str, int]] = field(default_factory=list)


class Sandbox:
    """Plays all providers. One instance is one process's; its state is the file."""

    def __init__(
        self, path: Path, *, portal: str = "", known: Mapping[str, Play] | None = None, demo_days: int | None = None
    ) -> None:
        from integrations.sandbox.control import Control

        self.store = Store(path)
        self.plays = dict(plays() if known is None else known)
        self.world = World(self.store, self.plays, portal=portal, demo_days=demo_days)
        self.consent = Consent(self.world)
        self.sender = Sender(self.world)
        self.control = Control(self)
        self.over = threading.Event()
        self.sender.start()

    def prepare(self) -> None:
        """Tells the demo athlete's years, one provider after the other, while nobody waits for them yet."""

        def tell() -> None:
            self.over.wait(PREPARES_AFTER_S)
            for slug in self.plays:
                if not self.over.is_set():
                    self.world.ensure_told(slug, "demo")

        in_background(tell)

    def close(self) -> None:
        self.over.set()
        self.sender.stop()
        self.store.close()

    # --- WSGI -----------------------------------------------------------------------------------

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        note = Note()
        request = None
        try:
            request = read(environ)
            answered, drip_s, is_cut = self.respond(request, note)
        except Refused as refused:
            answered, drip_s, is_cut = plain(refused.status, refused.message), 0.0, False
        except Exception:
            log.exception("the sandbox itself failed")
            answered, drip_s, is_cut = plain(500, "The sandbox itself failed; its log says why."), 0.0, False
        body = answered.body
        if request is not None and note.provider:
            self.store.log_request(
                at=request.now, provider=note.provider, handle=note.handle, method=request.method, path=request.path,
                query=request.query_string, status=answered.status, fault=note.fault, note=note.words,
                served=note.served,
            )  # fmt: skip
        headers = {name.lower(): value for name, value in answered.headers.items()}
        headers.setdefault("content-length", str(len(body)))
        if body:
            headers.setdefault("content-type", answered.content_type)
        start_response(f"{answered.status} {REASONS.get(answered.status, 'Answered')}", list(headers.items()))
        if drip_s or is_cut:
            return dripping(body, drip_s, is_cut=is_cut)
        return [body]

    def respond(self, request: Request, note: Note) -> tuple[Answer, float, bool]:
        """The answer, the seconds over which it drips, and whether the connection is cut in the middle."""
        slug, _, rest = request.path.lstrip("/").partition("/")
        play = self.plays.get(slug)
        if play is None:
            return self.control.respond(request), 0.0, False
        note.provider = slug
        inner = replace(request, path=f"/{rest}", base=f"{request.base}/{slug}")
        if inner.path == play.oauth.authorize_path:
            return self.control.authorize(play, inner), 0.0, False
        if inner.path in play.oauth.token_paths:
            return self._token(play, inner, note)
        return self._api(play, inner, note)

    # --- the token address ------------------------------------------------------------------------

    def _token(self, play: Play, request: Request, note: Note) -> tuple[Answer, float, bool]:
        if request.method != "POST":
            return play.error(405, "The token address takes POST."), 0.0, False
        is_refresh = request.form.get("grant_type") == "refresh_token"
        fault = faults.strikes(
            self.store, play.slug, request.path, "token", "before",
            # Faults of the API reach it only where their path says so.
            fits=lambda row: (
                is_refresh or row["fault"] != "refresh_lost" if faults.FAULTS[row["fault"]].when == "token"
                else bool(row["path"]) and row["fault"] not in NEEDS_ACCOUNT
            ),
        )  # fmt: skip
        if fault is not None:
            note.fault = fault["fault"]
            if fault["fault"] == "refresh_lost":
                _, note.words = self.consent.token(play, request)
                return Answer(200, b" " * 64), 0.0, True
            if fault["fault"] == "token_500":
                return play.error(500, "Something went wrong."), 0.0, False
            return self._before(play, "", fault), 0.0, False
        answered, note.words = self.consent.token(play, request)
        return answered, 0.0, False

    # --- the API --------------------------------------------------------------------------------

    def _api(self, play: Play, request: Request, note: Note) -> tuple[Answer, float, bool]:
        headers: dict[str, str] = {}
        try:
            route, args = self._route(play, request)
            request = replace(request, args=args)
            account, scopes = self._admit(play, route, request)
            note.handle = account.handle if account else ""
            request = replace(request, scopes=scopes, token=request.headers.get("authorization", "").partition(" ")[2])
            fault = None
            if route.counts:
                fault = faults.strikes(
                    self.store, play.slug, request.path, "before",
                    fits=lambda row: bool(account) or row["fault"] not in NEEDS_ACCOUNT,
                )  # fmt: skip
            if fault is not None:
                note.fault = fault["fault"]
                return self._before(play, note.handle, fault), 0.0, False
            headers = self._count(play, route, note.handle, request.now)
            answered = route.handle(request, StoreShelf(self.world, play.slug, account, request.now))
        except Refused as refused:
            refusal = play.error(refused.status, refused.message)
            return with_headers(refusal, {**headers, **refused.headers}), 0.0, False
        answered = with_headers(answered, headers)
        return self._after(play, request, route, answered, note)

    def _route(self, play: Play, request: Request) -> tuple[Route, dict[str, str]]:
        methods = set()
        for route in play.routes:
            if match := route.expression.fullmatch(request.path):
                if route.method == request.method:
                    return route, match.groupdict()
                methods.add(route.method)
        raise Refused(405 if methods else 404, "There is nothing at this path.")

    def _admit(self, play: Play, route: Route, request: Request) -> tuple[Account | None, frozenset[str]]:
        """Whose token it is and what was granted, where the route asks for one; refused where it is not good."""
        name, setting = play.key_header
        if name and route.auth != "none" and request.headers.get(name) != self.world.secret(play.slug, setting):
            raise Refused(401, f"Access denied due to missing or invalid {name}.")
        if route.auth == "none":
            return None, frozenset()
        if route.auth == "client":
            if not self._is_client(play, request):
                raise Refused(401, "The client is unknown, or its secret is wrong.")
            return None, frozenset()
        account, scopes = self.consent.bearer(play, request)
        if route.scopes and not scopes & set(route.scopes):
            raise Refused(403, f"The scope {route.scopes[0]} was not granted.")
        return account, scopes

    def _is_client(self, play: Play, request: Request) -> bool:
        name, secret = play.client_headers
        told = [
            request.basic,
            (request.form.get("client_id", ""), request.form.get("client_secret", "")),
            (request.query.get("client_id", ""), request.query.get("client_secret", "")),
        ]
        if name:
            told.append((request.headers.get(name, ""), request.headers.get(secret, "")))
        with suppress(Refused):
            if request.body and isinstance(request.json, dict):
                told.append((str(request.json.get("client_id", "")), str(request.json.get("client_secret", ""))))
        return any(self.consent.is_client(play.slug, *pair) for pair in told)

    def limits(self, play: Play) -> list[int]:
        """How many requests each window allows, as it stands."""
        told = self.store.setting(f"limits:{play.slug}")
        if told == "off":
            return [NO_LIMIT] * len(play.windows)
        if told is None:
            return [window.requests for window in play.windows]
        return [int(number) for number in told]

    def _count(self, play: Play, route: Route, handle: str, now: float) -> dict[str, str]:
        """Counts the request in its windows, and returns the headers about them; refused with 429 when one is full."""
        windows = [
            replace(window, requests=requests)
            for window, requests in zip(play.windows, self.limits(play), strict=True)
            if window.kind in route.counts
        ]
        used: list[Used] = []
        with self.store.write() as connection:
            for window in windows:
                began = int(now // window.seconds) * window.seconds
                whose = handle if window.per == "account" else ""
                key = (play.slug, whose, window.kind, window.seconds)
                so_far = self.store.value(
                    "SELECT used FROM windows WHERE provider = ? AND handle = ? AND kind = ? AND seconds = ?"
                    " AND began = ?",
                    *key, began,
                ) or 0  # fmt: skip
                used.append(Used(window, so_far + 1, math.ceil(began + window.seconds - now)))
            full = [it for it in used if it.used > it.window.requests]
            if not full:
                for it in used:
                    whose = handle if it.window.per == "account" else ""
                    began = int(now // it.window.seconds) * it.window.seconds
                    connection.execute(
                        "INSERT OR REPLACE INTO windows VALUES (?, ?, ?, ?, ?, ?)",
                        (play.slug, whose, it.window.kind, it.window.seconds, began, it.used),
                    )
        if not used:
            return {}
        if full:
            told = [replace(it, used=min(it.used, it.window.requests)) for it in used]
            headers = dict(play.limit_headers(told))
            if play.retry_after:
                headers["retry-after"] = str(max(it.resets_in_s for it in full))
            raise Refused(429, "Too many requests.", headers)
        return dict(play.limit_headers(used))

    # --- faults -----------------------------------------------------------------------------------

    def _before(self, play: Play, handle: str, fault: sqlite3.Row) -> Answer:
        name, seconds = fault["fault"], fault["seconds"]
        match name:
            case "error_503":
                return with_headers(play.error(503, "Try again later."), {"retry-after": f"{seconds:g}"})
            case "rate_limited":
                return with_headers(play.error(429, "Too many requests."), {"retry-after": f"{seconds:g}"})
            case "timeout":
                time.sleep(seconds)
                return play.error(504, "It took too long.")
            case "unauthorized":
                return play.error(401, "The token is not accepted.")
            case "revoked" if handle:
                self.world.revoke(play.slug, handle)
                return play.error(401, "The consent was withdrawn.")
            case "account_deleted" if handle:
                self.world.delete_account(play.slug, handle)
                return play.error(401, "The consent was withdrawn.")
        return play.error(500, "Something went wrong.")

    def _after(
        self, play: Play, request: Request, route: Route, answered: Answer, note: Note
    ) -> tuple[Answer, float, bool]:
        is_json = answered.content_type == "application/json" and len(answered.body) > 2

        def fits(row: sqlite3.Row) -> bool:
            name = row["fault"]
            if not 200 <= answered.status < 300:
                return False
            if name in ("duplicates", "shuffled"):
                return len(answered.pieces) > 1 and answered.between == b","
            return is_json if name == "malformed" else len(answered.body) > 2

        drip_s, is_cut = 0.0, False
        fault = faults.strikes(self.store, play.slug, request.path, "after", fits=fits) if route.counts else None
        if fault is not None:
            note.fault = fault["fault"]
            match fault["fault"]:
                case "slow_drip":
                    drip_s = fault["seconds"]
                case "cut":
                    return answered, 0.0, True
                case "malformed":
                    half = answered.body[: len(answered.body) // 2]
                    return replace(answered, before=half, pieces=(), after=b""), 0.0, False
                case "duplicates":
                    answered = replace(answered, pieces=answered.pieces + answered.pieces)
                case "shuffled":
                    answered = replace(answered, pieces=answered.pieces[1::2] + answered.pieces[::2][::-1])
        note.served = [
            (piece.kind, piece.id, sha256(piece.body).hexdigest(), len(piece.body)) for piece in answered.pieces
        ]
        return answered, drip_s, is_cut


def read(environ: Environ) -> Request:
    """The request, with its body; raises Refused for one that is too long."""
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    length = int(headers.get("content-length") or 0)
    if length > LARGEST_BODY:
        raise Refused(413, "The body is too long.")
    host = headers.get("host") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    return Request(
        method=environ["REQUEST_METHOD"],
        # As WSGI has it: bytes told in Latin-1.
        path=environ.get("PATH_INFO", "/").encode("latin-1").decode("utf-8", "replace"),
        headers=headers,
        body=environ["wsgi.input"].read(length) if length else b"",
        query_string=environ.get("QUERY_STRING", ""),
        base=f"{environ.get('wsgi.url_scheme', 'http')}://{host}",
        now=time.time(),
    )


def plain(status: int, message: str) -> Answer:
    return Answer(status, dumps({"error": message}))


def with_headers(answered: Answer, headers: Mapping[str, str]) -> Answer:
    return replace(answered, headers={**answered.headers, **headers}) if headers else answered


def dripping(body: bytes, seconds: float, *, is_cut: bool) -> Iterator[bytes]:
    """The body in pieces over so many seconds; one that is cut ends before its length, and the server hangs up."""
    if is_cut:
        yield body[: max(1, len(body) // 2)]
        return
    count = max(1, min(len(body), math.ceil(seconds / 0.2)))
    size = math.ceil(len(body) / count)
    for at in range(0, len(body), size):
        time.sleep(seconds / count)
        yield body[at : at + size]


def in_background(work: Callable[[], object]) -> None:
    """What nobody waits for."""

    def safely() -> None:
        try:
            work()
        except Exception:
            log.exception("work in the background failed")

    threading.Thread(target=safely, daemon=True).start()


def host_is_local(host: str, portal_host: str) -> bool:
    """Whether a Host header is that of this machine: another name means that a page elsewhere leads here."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return name.strip("[]") in LOCAL_HOSTS or name == portal_host
