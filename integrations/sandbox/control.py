"""What is not played: the consent page, the page at / with its switches, and the same switches for tests as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

from integrations.sandbox import faults, pages
from integrations.sandbox.base import Answer, Play, Refused, Request, answer
from integrations.sandbox.consent import LOCAL_HOSTS, BadAddress
from integrations.sandbox.store import as_dict
from integrations.sandbox.world import NEW_KINDS, PEOPLE, Sent

if TYPE_CHECKING:
    from integrations.sandbox.app import Sandbox

STYLE = Path(__file__).with_name("sandbox.css")
NEVER_FRAMED = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    # Not "no-referrer": a form would then tell no origin, and be taken for one from elsewhere.
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
LISTED = 25

Fields = Mapping[str, Any]


class Control:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.world, self.store, self.consent = sandbox.world, sandbox.store, sandbox.consent
        self.plays = sandbox.plays
        # Called with the fields of a JSON body, or of a form on a page; what comes back is JSON.
        self.actions: dict[str, Callable[[Fields], Any]] = {
            "faults": self.add_fault,
            "clear": self.clear_faults,
            "ttl": self.set_ttl,
            "expire": self.expire,
            "limits": self.set_limits,
            "seed": self.seed,
            "forget": self.forget,
            "edit": self.edit,
            "delete": self.delete,
            "restore": self.restore,
            "new": self.new,
            "grant": self.grant,
            "revoke": self.revoke,
            "delete_account": self.delete_account,
            "restore_account": self.restore_account,
            "callback": self.set_callback,
            "send_again": self.send_again,
            "tell": self.tell,
            "reset": self.reset,
        }
        self.looks: dict[str, Callable[[Mapping[str, str]], Any]] = {
            "state": self.state,
            "faults": self.list_faults,
            "records": self.list_records,
            "served": self.list_served,
            "deliveries": self.list_deliveries,
            "requests": self.list_requests,
        }

    def respond(self, request: Request) -> Answer:
        """Everything that is no provider's path."""
        self._guard(request)
        path = request.path
        try:
            if path.startswith("/control/"):
                return self._json(request, path.removeprefix("/control/").strip("/"))
            return self._page(request, path)
        except Refused as refused:
            if path.startswith("/control/"):
                return answer({"error": refused.message}, refused.status)
            return page(pages.error(refused.message), refused.status)

    def _guard(self, request: Request) -> None:
        """No page elsewhere may press these switches."""
        hosts = {*LOCAL_HOSTS, urlsplit(self.world.portal).hostname}
        if urlsplit(request.base).hostname not in hosts:
            raise Refused(400, "The sandbox answers on this machine only.")
        origin = request.headers.get("origin")
        if request.method != "GET" and origin and urlsplit(origin).netloc != urlsplit(request.base).netloc:
            raise Refused(403, "That came from another page.")

    # --- JSON -----------------------------------------------------------------------------------

    def _json(self, request: Request, name: str) -> Answer:
        if request.method == "GET" and name in self.looks:
            return answer(self.looks[name](request.query))
        if request.method == "POST" and name in self.actions:
            told = request.json if request.body else {}
            if not isinstance(told, dict):
                raise Refused(400, "The body must be an object.")
            return answer(self.actions[name](told))
        known = sorted({*self.looks, *self.actions})
        raise Refused(404, f"There is no /control/{name}; there are {', '.join(known)}.")

    # --- fields ---------------------------------------------------------------------------------

    def _play(self, told: Fields) -> Play:
        found = self.plays.get(str(told.get("provider", "")))
        if found is None:
            raise Refused(404, f"There is no provider {told.get('provider')!r}; there are {', '.join(self.plays)}.")
        return found

    def _every(self, told: Fields) -> list[Play]:
        """The provider that is named, or all for "*"."""
        return list(self.plays.values()) if told.get("provider", "*") == "*" else [self._play(told)]

    def _handle(self, told: Fields) -> str:
        handle = str(told.get("account", "demo"))
        if handle not in PEOPLE:
            raise Refused(404, f"There is nobody called {handle!r}; there are {', '.join(PEOPLE)}.")
        return handle

    def _story(self, play: Play, handle: str, told: Fields) -> str:
        """The story of the record that is named, or of the newest of its kind."""
        self.world.ensure_told(play.slug, handle)
        kind = str(told.get("kind") or play.activity_kind or play.night_kind)
        if told.get("id") is not None:
            return self.world.story_key(play.slug, handle, kind, str(told["id"]))
        newest = self.world.newest(play.slug, handle, kind, 1)
        if not newest:
            raise Refused(404, f"{play.name} has no {kind} of {handle}.")
        return newest[0].story

    # --- switches -------------------------------------------------------------------------------

    def add_fault(self, told: Fields) -> Any:
        provider = str(told.get("provider", "*"))
        if provider != "*":
            self._play(told)
        left = number(told, "next")
        probability = number(told, "probability")
        made = faults.add(
            self.store, provider, str(told.get("fault", "")), next=None if left is None else int(left),
            probability=1.0 if probability is None else probability, seconds=number(told, "seconds"),
            path=str(told.get("path", "")),
        )  # fmt: skip
        return {"number": made}

    def clear_faults(self, told: Fields) -> Any:
        named = number(told, "number")
        faults.clear(self.store, str(told.get("provider", "*")), None if named is None else int(named))
        return {"faults": self.list_faults({})}

    def set_ttl(self, told: Fields) -> Any:
        """Seconds that access tokens live from now on; None: as they did."""
        seconds = number(told, "seconds")
        if seconds is not None and seconds < 0:
            raise Refused(400, "seconds must not be negative.")
        for play in self._every(told):
            self.store.set(f"ttl:{play.slug}", seconds)
        return {play.slug: self.consent.ttl_s(play) for play in self._every(told)}

    def expire(self, told: Fields) -> Any:
        """All access tokens have expired by now."""
        return {play.slug: self.consent.expire_now(play.slug) for play in self._every(told)}

    def set_limits(self, told: Fields) -> Any:
        """How many requests each window allows, in their order; "off"; None: as the provider has it."""
        wanted = told.get("requests")
        if isinstance(wanted, str) and wanted != "off":
            wanted = [part for part in wanted.replace(" ", "").split(",") if part] or None
        for play in self._every(told):
            if isinstance(wanted, list):
                if len(wanted) != len(play.windows):
                    raise Refused(400, f"{play.name} has {len(play.windows)} windows.")
                if any(number({"requests": it}, "requests") is None for it in wanted):
                    raise Refused(400, "Each window takes a number.")
                self.store.set(f"limits:{play.slug}", [int(float(it)) for it in wanted])
            elif wanted in (None, "off"):
                self.store.set(f"limits:{play.slug}", wanted)
            else:
                raise Refused(400, 'requests is a list of numbers, "off" or nothing.')
            self.store.run("DELETE FROM windows WHERE provider = ?", play.slug)
        return {play.slug: self.sandbox.limits(play) for play in self._every(told)}

    def seed(self, told: Fields) -> Any:
        efforts, nights = int(number(told, "efforts") or 0), int(number(told, "nights") or 0)
        if not 0 <= efforts <= 50_000 or not 0 <= nights <= 5_000:
            raise Refused(400, "At most 50,000 efforts and 5,000 nights.")
        apart_s = number(told, "apart_s") or 6 * 3600.0
        if apart_s < 120:
            raise Refused(400, "Efforts begin two minutes apart at least.")
        handle = str(told.get("account", "huge"))
        return {
            play.slug: self.world.seed(
                play.slug, handle, efforts=efforts, nights=nights, apart_s=apart_s, newest=number(told, "newest")
            )
            for play in self._every(told)
        }

    def forget(self, told: Fields) -> Any:
        """The account is as it was at first."""
        for play in self._every(told):
            self.world.forget(play.slug, self._handle(told))
        return {}

    def tell(self, told: Fields) -> Any:
        """Everything that has happened by now is told; returns how many records there are."""
        handle = self._handle(told)
        counts = {}
        for play in self._every(told):
            self.world.ensure_told(play.slug, handle)
            query = "SELECT count(*) FROM records WHERE provider = ? AND handle = ? AND NOT is_deleted"
            counts[play.slug] = self.store.value(query, play.slug, handle)
        return counts

    def edit(self, told: Fields) -> Any:
        play, handle = self._play(told), self._handle(told)
        changes = {name: told[name] for name in ("name", "sport", "private") if told.get(name) is not None}
        if told.get("rescored") is not None:
            changes["rescored"] = int(number(told, "rescored") or 0)
        if not changes:
            raise Refused(400, "Nothing is to be changed: give name, sport, private or rescored.")
        return sent(self.world.edit(play.slug, handle, self._story(play, handle, told), changes))

    def delete(self, told: Fields) -> Any:
        play, handle = self._play(told), self._handle(told)
        return sent(self.world.delete(play.slug, handle, self._story(play, handle, told)))

    def restore(self, told: Fields) -> Any:
        play, handle = self._play(told), self._handle(told)
        return sent(self.world.restore(play.slug, handle, self._story(play, handle, told)))

    def new(self, told: Fields) -> Any:
        """An effort that has just ended, at one provider or at all."""
        kind = str(told.get("kind", "easy_run"))
        if kind not in NEW_KINDS:
            raise Refused(400, f"There is no kind {kind!r}; there are {', '.join(NEW_KINDS)}.")
        made = self.world.add(
            [play.slug for play in self._every(told)], self._handle(told), kind, number(told, "minutes") or 0
        )
        return {slug: sent(it) for slug, it in made.items()}

    def grant(self, told: Fields) -> Any:
        """A consent without its page: the token answer, as the provider gives it."""
        play, handle = self._play(told), self._handle(told)
        scopes = told.get("scopes")
        if scopes is None:
            scopes = [scope.name for scope in play.oauth.scopes]
        account = self.world.account(play.slug, handle)
        self.world.restore_account(play.slug, handle)
        answered = self.consent.issue(
            play, account, [str(name) for name in scopes], has_refresh=play.oauth.refresh != "none", now=time.time()
        )
        return {"account": asdict(account), "token": json.loads(answered.body)}

    def revoke(self, told: Fields) -> Any:
        return sent(self.world.revoke(self._play(told).slug, self._handle(told)))

    def delete_account(self, told: Fields) -> Any:
        return sent(self.world.delete_account(self._play(told).slug, self._handle(told)))

    def restore_account(self, told: Fields) -> Any:
        self.world.restore_account(self._play(told).slug, self._handle(told))
        return {}

    def set_callback(self, told: Fields) -> Any:
        """Where webhooks go that are set up in the provider's portal; an empty one: as the sandbox was started."""
        play = self._play(told)
        self.store.set(f"callback:{play.slug}", str(told.get("url") or "") or None)
        return {"callback": self.world.callback(play.slug)}

    def send_again(self, told: Fields) -> Any:
        named = number(told, "number")
        if named is None:
            raise Refused(400, "Which delivery? Give its number.")
        return {"number": self.world.send_again(int(named), forged=bool(told.get("forged")))}

    def reset(self, told: Fields) -> Any:
        """As it was at first: no consents, no subscriptions, no faults, no logs, and records told anew."""
        with self.store.write() as connection:
            for play in self._every(told):
                for table in (
                    "accounts", "seeds", "stories", "records", "memory", "grants", "codes", "tokens", "windows",
                    "faults", "subscriptions", "deliveries", "served", "requests",
                ):  # fmt: skip
                    connection.execute(f"DELETE FROM {table} WHERE provider = ?", (play.slug,))  # noqa: S608
                for name in ("ttl", "limits", "callback"):
                    connection.execute("DELETE FROM settings WHERE name = ?", (f"{name}:{play.slug}",))
            if told.get("provider", "*") == "*":
                connection.execute("DELETE FROM faults")
        self.world.looked_at.clear()
        return {}

    # --- looks ----------------------------------------------------------------------------------

    def state(self, query: Mapping[str, str]) -> Any:
        return {play.slug: self._state(play) for play in self._every(query)}

    def _state(self, play: Play) -> dict[str, Any]:
        slug = play.slug
        records = self.store.rows(
            "SELECT handle, kind, count(*) FROM records WHERE provider = ? AND NOT is_deleted GROUP BY 1, 2", slug
        )
        counted: dict[str, dict[str, int]] = {}
        for handle, kind, count in records:
            counted.setdefault(handle, {})[kind] = count
        query = "SELECT count(*) FROM requests WHERE provider = ? AND note = 'a spent refresh token was presented'"
        return {
            "name": play.name,
            "connected": [account.handle for account in self.world.connected(slug)],
            "records": counted,
            "ttl_s": self.consent.ttl_s(play),
            "limits": self.sandbox.limits(play),
            "callback": self.world.callback(slug),
            "subscriptions": [asdict(it) for it in self.world.subscriptions(slug)],
            "faults": [as_dict(row) for row in faults.standing(self.store, slug)],
            "requests": self.store.value("SELECT count(*) FROM requests WHERE provider = ?", slug),
            "spent_tokens_presented": self.store.value(query, slug),
            "waiting_deliveries": self.store.value(
                "SELECT count(*) FROM deliveries WHERE provider = ? AND due IS NOT NULL", slug
            ),
        }

    def list_faults(self, query: Mapping[str, str]) -> Any:
        provider = query.get("provider", "*")
        rows = self.store.rows("SELECT * FROM faults WHERE ? IN ('*', provider) ORDER BY number", provider)
        return [as_dict(row) for row in rows]

    def list_records(self, query: Mapping[str, str]) -> Any:
        """Every record of one account with the sha256 of its bytes; None where they were never asked for."""
        play, handle = self._play(query), self._handle(query)
        self.world.ensure_told(play.slug, handle)
        where, values = "provider = ? AND handle = ?", [play.slug, handle]
        if kind := query.get("kind"):
            where, values = where + " AND kind = ?", [*values, kind]
        rows = self.store.rows(f"SELECT * FROM records WHERE {where} ORDER BY start, kind, id", *values)  # noqa: S608
        return [
            {
                "kind": row["kind"], "id": row["id"], "story": row["story"], "start": row["start"],
                "updated": row["updated"], "is_deleted": bool(row["is_deleted"]),
                "sha256": None if row["body"] is None else sha256(row["body"]).hexdigest(),
            }
            for row in rows
        ]  # fmt: skip

    def list_served(self, query: Mapping[str, str]) -> Any:
        """What went out whole: {kind: {id: [sha256, ...]}} in the order in which it went out last."""
        play = self._play(query)
        where, values = "provider = ?", [play.slug]
        for name, column in (("account", "handle"), ("kind", "kind")):
            if told := query.get(name):
                where, values = f"{where} AND {column} = ?", [*values, told]
        rows = self.store.rows(f"SELECT * FROM served WHERE {where} ORDER BY last", *values)  # noqa: S608
        found: dict[str, dict[str, list[str]]] = {}
        for row in rows:
            found.setdefault(row["kind"], {}).setdefault(row["id"], []).append(row["sha256"])
        return {
            "served": found,
            "counts": {kind: len(ids) for kind, ids in found.items()},
            "times": sum(row["times"] for row in rows),
            "bytes": sum(row["size"] * row["times"] for row in rows),
        }

    def list_deliveries(self, query: Mapping[str, str]) -> Any:
        return [
            {**as_dict(row), "body": bytes(row["body"]).decode("utf-8", "replace")}
            for row in self._rows("deliveries", query)
        ]

    def list_requests(self, query: Mapping[str, str]) -> Any:
        return [as_dict(row) for row in self._rows("requests", query)]

    def _rows(self, table: str, query: Mapping[str, str]) -> list[Any]:
        """The newest first."""
        limit = int(number(query, "limit") or 1_000)
        where = "? IN ('*', provider)"
        if (since := number(query, "since")) is not None:
            where += f" AND number > {int(since)}"
        return self.store.rows(
            f"SELECT * FROM {table} WHERE {where} ORDER BY number DESC LIMIT {limit}",  # noqa: S608
            query.get("provider", "*"),
        )

    # --- the consent page -------------------------------------------------------------------------

    def authorize(self, play: Play, request: Request) -> Answer:
        """The page that asks, at the provider's own path."""
        if request.method != "GET":
            return page(pages.error("This address is opened by a browser."), 405)
        try:
            asked = self.consent.asked(play, request.query_string)
        except BadAddress as bad:
            return page(pages.bad_address(play, str(bad)), 400)
        return page(pages.consent(play, asked, request.query_string, PEOPLE.values()))

    def _decide(self, request: Request) -> Answer:
        form = {name: values[-1] for name, values in self._form(request).items()}
        play = self._play(form)
        try:
            asked = self.consent.asked(play, form.get("query", ""))
        except BadAddress as bad:
            return page(pages.bad_address(play, str(bad)), 400)
        match form.get("answer"):
            case "allow":
                handle = self._handle(form)
                self.world.restore_account(play.slug, handle)
                late = faults.strikes(self.store, play.slug, "", "given")
                ticked = self._form(request).get("scope", [])
                to = self.consent.allow(play, asked, handle, ticked, is_late=late is not None)
                # What the server will ask for next is got ready while the browser goes back.
                from integrations.sandbox.app import in_background

                in_background(lambda: self.world.ensure_told(play.slug, handle))
                return Answer(303, headers={"location": to, **NEVER_FRAMED})
            case "deny":
                return Answer(303, headers={"location": self.consent.deny(asked), **NEVER_FRAMED})
            case "leave":
                return page(pages.left(play, asked.redirect_uri))
        raise Refused(400, "That is no answer.")

    # --- pages ----------------------------------------------------------------------------------

    def _form(self, request: Request) -> dict[str, list[str]]:
        return parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)

    def _page(self, request: Request, path: str) -> Answer:
        slug = path.removeprefix("/-/")
        if path == "/-/sandbox.css" and request.method == "GET":
            return Answer(200, STYLE.read_bytes(), content_type="text/css; charset=utf-8")
        if path == "/-/consent" and request.method == "POST":
            return self._decide(request)
        if path == "/" and request.method == "GET":
            states = {play.slug: self._state(play) for play in self.plays.values()}
            return page(
                pages.index(list(self.plays.values()), states, self.world.portal, request.query.get("said", ""))
            )
        if path == "/" and request.method == "POST":
            return self._act(request, "/")
        if path == f"/-/{slug}" and slug in self.plays:
            if request.method == "POST":
                return self._act(request, path)
            return self._provider(self.plays[slug], request.query.get("said", ""))
        raise Refused(404, "There is no such page in the sandbox.")

    def _provider(self, play: Play, said: str) -> Answer:
        people = []
        for handle, person in PEOPLE.items():
            counts = self.store.rows(
                "SELECT kind, count(*) FROM records WHERE provider = ? AND handle = ? AND NOT is_deleted GROUP BY 1",
                play.slug, handle,
            )  # fmt: skip
            people.append(
                pages.Shown(
                    person, dict(map(tuple, counts)), self.world.is_connected(play.slug, handle),
                    self.world.is_deleted(play.slug, handle),
                )
            )  # fmt: skip
        handle = next((it.person.handle for it in people if it.is_connected), "demo")
        self.world.ensure_told(play.slug, handle)
        kinds = [kind for kind in dict.fromkeys((play.activity_kind, play.night_kind)) if kind]
        newest = [
            (kind, record, self.world.story(play.slug, handle, record.story))
            for kind in kinds
            for record in self.world.newest(play.slug, handle, kind, 8 if kind == play.activity_kind else 3)
        ]
        return page(
            pages.provider(
                play, state=self._state(play), people=people, handle=handle, newest=newest, said=said,
                deliveries=self.list_deliveries({"provider": play.slug, "limit": str(LISTED)}),
                requests=self.list_requests({"provider": play.slug, "limit": str(LISTED)}),
            )
        )  # fmt: skip

    def _act(self, request: Request, back: str) -> Answer:
        """A form of a page: one of the actions; an empty field is none."""
        form = {name: values[-1] for name, values in self._form(request).items() if values[-1] != ""}
        action = self.actions.get(form.pop("do", ""))
        if action is None:
            raise Refused(400, "That is no switch.")
        try:
            said = pages.told(action(form), form.get("said", "Done."))
        except Refused as refused:
            said = refused.message
        return Answer(303, headers={"location": f"{back}?said={quote(said)}", **NEVER_FRAMED})


def number(told: Fields, name: str) -> float | None:
    """A number among the fields, from JSON or from a form; None where it is not told."""
    value = told.get(name)
    if value is None or value == "":
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise Refused(400, f"{name} must be a number.") from None


def sent(it: Sent) -> dict[str, int]:
    return asdict(it)


def page(html: str, status: int = 200) -> Answer:
    made = Answer(status, html.encode(), content_type="text/html; charset=utf-8")
    return replace(made, headers=NEVER_FRAMED)
