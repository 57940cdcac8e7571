"""An invented provider, played: everything that a provider's module of the sandbox can say, once."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping

from integrations.sandbox.base import (
    Account,
    Answer,
    Change,
    Grant,
    OAuth,
    Play,
    Refused,
    Request,
    Route,
    Scope,
    Shelf,
    Subscription,
    Told,
    Webhooks,
    Window,
    answer,
    dumps,
    empty,
    instant,
    listed,
    number_of,
    one,
    sealed,
    unsealed,
    whole,
)
from integrations.sandbox.stories import Effort, Night, Story


def told(story: Story, account: Account) -> Iterator[Told]:
    id = str(number_of(account.handle, story.key))
    if isinstance(story, Effort):
        body = {
            "id": id,
            "title": story.name,
            "sport": story.sport,
            "start": story.start_local.isoformat(),
            "seconds": round(story.elapsed_s),
            "metres": None if story.distance_m is None else round(story.distance_m, 1),
            "changed": story.updated_at,
        }
        yield Told("summary", id, story.start, story.updated_at, dumps(body))
        yield Told("fit", id, story.start, story.updated_at)
    elif isinstance(story, Night):
        body = {"id": id, "day": str(story.day), "score": story.sleep_score, "asleep": story.asleep_s}
        yield Told("night", id, story.asleep, story.updated_at, dumps(body))


def made(kind: str, id: str, story: Story, account: Account) -> bytes:
    assert isinstance(story, Effort)
    return story.fit(manufacturer=255, product=1, sport=1, sub_sport=0)


def workouts(request: Request, shelf: Shelf) -> Answer:
    size = whole(request, "limit", 10, least=1, most=25)
    at = unsealed(request.query["next"])["at"] if "next" in request.query else 0
    since, until = instant(request.query.get("since", "")), instant(request.query.get("until", ""))
    page = shelf.records("summary", since=since, until=until, limit=size + 1, offset=at)
    following = sealed({"at": at + size}) if len(page) > size else None
    return listed(page[:size], b'{"workouts":[', b'],"next":' + dumps(following) + b"}")


def workout(request: Request, shelf: Shelf) -> Answer:
    return one(shelf.record("summary", request.args["id"]))


def file(request: Request, shelf: Shelf) -> Answer:
    return one(shelf.record("fit", request.args["id"]), content_type="application/octet-stream")


def me(request: Request, shelf: Shelf) -> Answer:
    return answer({"id": shelf.account.id, "name": shelf.account.name, "scopes": sorted(request.scopes)})


def leave(request: Request, shelf: Shelf) -> Answer:
    shelf.revoke()
    return empty()


def subscribe(request: Request, shelf: Shelf) -> Answer:
    asked = shelf.call("GET", request.form["callback_url"] + "?challenge=abc")
    if asked.body != b"abc":
        raise Refused(400, "The callback did not answer the challenge.")
    made = shelf.subscribe(Subscription("", request.form["callback_url"], secret="s3cret"))
    return answer({"id": made.external_id}, 201)


def unsubscribe(request: Request, shelf: Shelf) -> Answer:
    if not shelf.unsubscribe(request.args["id"]):
        raise Refused(404, "There is no such hook.")
    return empty()


def event(change: Change, subscription: Subscription, shelf: Shelf) -> bytes | None:
    if change.what == "revoked":
        return dumps({"user": change.account.id, "what": "revoked"})
    if change.record is None or change.record.kind == "fit":
        return None
    return dumps({"user": change.account.id, "id": change.record.id, "what": change.what})


def signature(body: bytes, subscription: Subscription, shelf: Shelf) -> Mapping[str, str]:
    return {"x-tempo-signature": hmac.new(subscription.secret.encode(), body, "sha256").hexdigest()}


def beside(grant: Grant) -> Mapping[str, object]:
    return {"user": grant.account.id} if grant.by == "code" else {}


def account_id(handle: str) -> str:
    return f"tempo-{handle}"


PLAY = Play(
    slug="tempo",
    name="Tempo",
    hosts=("tempo.example",),
    oauth=OAuth(
        authorize_path="/oauth/authorize",
        token_paths=("/oauth/token",),
        client_auth=("post", "basic"),
        pkce="taken",
        ttl_s=3600,
        scope_in_callback=True,
        extra=beside,
        scopes=(
            Scope("activity", "Your activities"),
            Scope("files", "The files of your watch"),
            Scope("base", "Your name", can_untick=False),
        ),
    ),
    routes=(
        Route("GET", "/v1/workouts", workouts, scopes=("activity",)),
        Route("GET", "/v1/workouts/{id}", workout, scopes=("activity",)),
        Route("GET", "/v1/workouts/{id}/fit", file, scopes=("files",)),
        Route("GET", "/v1/me", me),
        Route("DELETE", "/v1/me", leave),
        Route("POST", "/v1/hooks", subscribe, auth="client", counts=()),
        Route("DELETE", "/v1/hooks/{id}", unsubscribe, auth="client", counts=()),
    ),
    tell=told,
    make=made,
    account_id=account_id,
    activity_kind="summary",
    night_kind="night",
    windows=(Window(1_000, 3_600), Window(500, 86_400, per="account")),
    limit_headers=lambda used: {"x-ratelimit-remaining": ", ".join(str(it.left) for it in used)},
    retry_after=True,
    webhooks=Webhooks(body=event, sign=signature, retries_s=(0.05, 0.05)),
)
