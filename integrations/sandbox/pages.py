"""The sandbox's own pages. They look like nobody's, and say on each that nothing here is real."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from integrations.sandbox.base import Play, Record
from integrations.sandbox.consent import Asked
from integrations.sandbox.faults import FAULTS
from integrations.sandbox.stories import Effort, Story
from integrations.sandbox.world import NEW_KINDS, Person, describe


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def fill(template: str, **values: object) -> Markup:
    """The template with its names filled in; whatever is no Markup is escaped."""
    safe = {name: it if isinstance(it, Markup) else html.escape(str(it)) for name, it in values.items()}
    return Markup(template.format_map(safe))


def joined(parts: Iterable[str]) -> Markup:
    return Markup("\n".join(parts))


def whole(title: str, body: Markup, *, width: str = "wide") -> str:
    return fill(
        """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="/-/sandbox.css">
<link rel="icon" href="data:,">
</head>
<body class="{width}">
<p class="tape" role="note"><strong>Sandbox</strong> Nothing here is real: no account, no athlete, no provider.</p>
{body}
</body>
</html>
""",
        title=title,
        body=body,
        width=width,
    )


# --- the consent page -------------------------------------------------------------------------


def consent(play: Play, asked: Asked, query: str, people: Iterable[Person]) -> str:
    boxes = joined(_box(play, name) for name in asked.scopes)
    accounts = joined(
        fill(
            '<label class="choice"><input type="radio" name="account" value="{handle}"{checked}>'
            "<span><b>{name}</b><small>{words}</small></span></label>",
            handle=person.handle,
            checked=Markup(" checked") if person.handle == "demo" else Markup(""),
            name=f"{person.first_name} {person.last_name}",
            words=person.words,
        )
        for person in people
    )
    return whole(
        f"{play.name} (sandbox): allow access?",
        fill(
            """<main class="card">
<p class="playing">The sandbox plays <b>{name}</b> <small>instead of {hosts}</small></p>
<h1>TrainStack asks for access to {name}</h1>
<form method="post" action="/-/consent">
<input type="hidden" name="provider" value="{slug}">
<input type="hidden" name="query" value="{query}">
<fieldset><legend>Who are you at {name}?</legend>{accounts}</fieldset>
<fieldset><legend>What may TrainStack do?</legend>{boxes}</fieldset>
<div class="buttons">
<button name="answer" value="allow" class="primary">Allow</button>
<button name="answer" value="deny">Deny</button>
<button name="answer" value="leave" class="quiet">Leave half-finished</button>
</div>
</form>
<p class="fine">Allow and Deny lead back to {back}. Leaving half-finished sends nothing back, like a window that was
closed. What {name} does after that is set on <a href="/-/{slug}">its page of the sandbox</a>.</p>
</main>""",
            name=play.name,
            hosts=", ".join(play.hosts),
            slug=play.slug,
            query=query,
            accounts=accounts,
            boxes=boxes,
            back=urlsplit(asked.redirect_uri).netloc,
        ),
        width="narrow",
    )


def _box(play: Play, name: str) -> Markup:
    scope = next(it for it in play.oauth.scopes if it.name == name)
    state = " checked" if scope.ticked else ""
    if not scope.can_untick:
        state = " checked disabled"
    return fill(
        '<label class="choice"><input type="checkbox" name="scope" value="{name}"{state}>'
        "<span><b>{words}</b><small>{name}{fixed}</small></span></label>",
        name=name,
        words=scope.words,
        state=Markup(state),
        fixed="" if scope.can_untick else " (comes with any consent)",
    )


def bad_address(play: Play, words: str) -> str:
    return whole(
        f"{play.name} (sandbox): wrong address",
        fill(
            """<main class="card">
<p class="playing">The sandbox plays <b>{name}</b></p>
<h1>{name} does not know what to do with this address</h1>
<p class="said bad">{words}</p>
<p class="fine">Nobody is sent anywhere from here, as an address that is wrong may not be ours.</p>
</main>""",
            name=play.name,
            words=words,
        ),
        width="narrow",
    )


def left(play: Play, redirect_uri: str) -> str:
    parts = urlsplit(redirect_uri)
    return whole(
        f"{play.name} (sandbox): left",
        fill(
            """<main class="card">
<p class="playing">The sandbox plays <b>{name}</b></p>
<h1>You left without an answer</h1>
<p>Nothing was sent back: neither a yes nor a no. That is what happens when somebody closes the window here.</p>
<p class="buttons"><a class="button primary" href="{home}">Go back to {host}</a></p>
</main>""",
            name=play.name,
            home=f"{parts.scheme}://{parts.netloc}/",
            host=parts.netloc,
        ),
        width="narrow",
    )


def error(words: str) -> str:
    return whole(
        "Sandbox",
        fill(
            '<main class="card"><h1>That did not work</h1><p class="said bad">{words}</p>'
            '<p class="buttons"><a class="button" href="/">To the sandbox</a></p></main>',
            words=words,
        ),
        width="narrow",
    )


# --- the index --------------------------------------------------------------------------------


def index(plays: Sequence[Play], states: Mapping[str, Mapping[str, Any]], portal: str, said: str) -> str:
    cards = joined(_tile(play, states[play.slug]) for play in plays)
    back = fill('<a href="{portal}/">Back to TrainStack</a>', portal=portal) if portal else Markup("")
    return whole(
        "The sandbox",
        fill(
            """<header class="head"><div><h1>The sandbox</h1>
<p>Plays {count} providers over true HTTP, so that connecting, syncing and every kind of trouble can be tried without a
key from anybody. {back}</p></div></header>
<main>{note}
<section class="tiles">{cards}</section>
<section class="panel">
<h2>At all of them</h2>
<div class="forms">
<form method="post" action="/"><input type="hidden" name="do" value="new">
<label>Something new, just ended <select name="kind">{kinds}</select></label><button>Record it</button></form>
<form method="post" action="/"><input type="hidden" name="do" value="expire">
<button>Let all access tokens expire</button></form>
<form method="post" action="/"><input type="hidden" name="do" value="clear">
<button>Switch all faults off</button></form>
<form method="post" action="/"><input type="hidden" name="do" value="reset">
<button class="danger">Forget everything</button></form>
</div>
<p class="fine">The same effort reaches every provider that records such a thing, each by its own device: watch the
duplicates fold. The same switches as JSON, for tests: <code>/control/state</code> and its neighbours.</p>
</section>
</main>""",
            count=len(plays),
            cards=cards,
            note=_note(said),
            back=back,
            kinds=_kinds(),
        ),
    )


def _kinds() -> Markup:
    return joined(fill('<option value="{it}">{words}</option>', it=it, words=it.replace("_", " ")) for it in NEW_KINDS)


def _tile(play: Play, state: Mapping[str, Any]) -> Markup:
    connected = state["connected"]
    trouble = sum(1 for _ in state["faults"])
    marks = [
        fill('<span class="mark {kind}">{words}</span>', kind=kind, words=words)
        for kind, words in (
            ("good" if connected else "idle", f"{len(connected)} connected" if connected else "nobody connected"),
            ("bad", _many(trouble, "fault")) if trouble else ("", ""),
            ("warn", _many(state["waiting_deliveries"], "delivery") + " waiting")
            if state["waiting_deliveries"]
            else ("", ""),
        )
        if words
    ]
    return fill(
        """<a class="tile" href="/-/{slug}"><h2>{name}</h2><p class="hosts">{hosts}</p><p>{marks}</p>
<p class="fine">{requests} so far</p></a>""",
        slug=play.slug,
        name=play.name,
        hosts=", ".join(play.hosts),
        marks=joined(marks),
        requests=_many(state["requests"], "request"),
    )


def _many(count: int, noun: str) -> str:
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count:,} {noun if count == 1 else plural}"


# --- one provider -----------------------------------------------------------------------------


def _note(said: str) -> Markup:
    return fill('<p class="said" role="status">{said}</p>', said=said) if said else Markup("")


@dataclass(frozen=True)
class Shown:
    person: Person
    records: Mapping[str, int]
    is_connected: bool
    is_deleted: bool


def button(slug: str, words: str, *, danger: bool = False, **fields: object) -> Markup:
    """A form of one button."""
    hidden = joined(
        fill('<input type="hidden" name="{name}" value="{value}">', name=name, value=value)
        for name, value in {"provider": slug, **fields}.items()
    )
    return fill(
        '<form method="post" action="/-/{slug}" class="inline">{hidden}<button{kind}>{words}</button></form>',
        slug=slug,
        hidden=hidden,
        kind=Markup(' class="danger"') if danger else Markup(""),
        words=words,
    )


def provider(
    play: Play, *, state: Mapping[str, Any], people: Sequence[Shown], handle: str,
    newest: Sequence[tuple[str, Record, Story]], deliveries: Sequence[Mapping[str, Any]],
    requests: Sequence[Mapping[str, Any]], said: str,
) -> str:  # fmt: skip
    return whole(
        f"{play.name} in the sandbox",
        fill(
            """<header class="head"><div><p class="playing"><a href="/">The sandbox</a> plays</p><h1>{name}</h1>
<p>Instead of {hosts}.</p></div></header>
<main>{note}{people}{happens}{faults}{tokens}{deliveries}{requests}</main>""",
            name=play.name,
            hosts=", ".join(play.hosts),
            note=_note(said),
            people=_people(play, people),
            happens=_happens(play, handle, newest),
            faults=_faults(play, state),
            tokens=_tokens(play, state),
            deliveries=_deliveries(play, state, deliveries),
            requests=_requests(requests),
        ),
    )


def _people(play: Play, people: Sequence[Shown]) -> Markup:
    rows = []
    for it in people:
        mark = ("good", "connected") if it.is_connected else ("idle", "not connected")
        if it.is_deleted:
            mark = ("bad", "account deleted")
        buttons = []
        if it.is_connected:
            buttons.append(button(play.slug, "Withdraw consent", do="revoke", account=it.person.handle,
                                  said="The consent was withdrawn at the provider."))  # fmt: skip
        if it.is_deleted:
            buttons.append(button(play.slug, "Restore account", do="restore_account", account=it.person.handle,
                                  said="The account is there again."))  # fmt: skip
        elif it.is_connected:
            buttons.append(button(play.slug, "Delete account", danger=True, do="delete_account",
                                  account=it.person.handle, said="The account was deleted."))  # fmt: skip
        counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(it.records.items()))
        rows.append(
            fill(
                '<li><div><b>{name}</b> <span class="mark {kind}">{words}</span><small>{about}</small>'
                "<small>{counts}</small></div><div>{buttons}</div></li>",
                name=f"{it.person.first_name} {it.person.last_name}",
                kind=mark[0],
                words=mark[1],
                about=it.person.words,
                counts=counts or "nothing told yet: that happens when somebody looks",
                buttons=joined(buttons),
            )
        )
    return fill('<section class="panel"><h2>Accounts</h2><ul class="rows">{rows}</ul></section>', rows=joined(rows))


def _happens(play: Play, handle: str, newest: Sequence[tuple[str, Record, Story]]) -> Markup:
    rows = []
    for kind, record, story in newest:
        fields: dict[str, Any] = {"account": handle, "kind": kind, "id": record.id}
        if record.is_deleted:
            buttons = [button(play.slug, "Bring back", do="restore", said="It is there again.", **fields)]
        else:
            rename = fill(
                """<form method="post" action="/-/{slug}" class="inline"><input type="hidden" name="do" value="edit">
<input type="hidden" name="provider" value="{slug}"><input type="hidden" name="account" value="{handle}">
<input type="hidden" name="kind" value="{kind}"><input type="hidden" name="id" value="{id}">
<input type="hidden" name="said" value="It was renamed."><input name="name" value="{name}" aria-label="New name">
<button>Rename</button></form>""",
                slug=play.slug,
                handle=handle,
                kind=kind,
                id=record.id,
                name=story.name if isinstance(story, Effort) else "",
            )
            score = button(play.slug, "Score again", do="edit", rescored=1, said="It was scored again.", **fields)
            buttons = [
                rename if isinstance(story, Effort) else Markup(""),
                score,
                button(play.slug, "Delete", danger=True, do="delete", said="It was deleted.", **fields),
            ]
        rows.append(
            fill(
                "<li{gone}><div><b>{words}</b><small>{at} · {kind} {id}</small></div><div>{buttons}</div></li>",
                gone=Markup(' class="gone"') if record.is_deleted else Markup(""),
                words=describe(story),
                at=clock(record.start),
                kind=kind,
                id=record.id,
                buttons=joined(buttons),
            )
        )
    listed = joined(rows) or Markup('<li class="none">Nothing here yet.</li>')
    return fill(
        """<section class="panel"><h2>What happens at {name}</h2>
<div class="forms"><form method="post" action="/-/{slug}"><input type="hidden" name="do" value="new">
<input type="hidden" name="provider" value="{slug}"><input type="hidden" name="account" value="{handle}">
<label>Something new, just ended <select name="kind">{kinds}</select></label><button>Record it</button></form></div>
<ul class="rows">{rows}</ul></section>""",
        name=play.name,
        slug=play.slug,
        handle=handle,
        kinds=_kinds(),
        rows=listed,
    )


def _faults(play: Play, state: Mapping[str, Any]) -> Markup:
    standing = joined(
        fill(
            "<li><div><b>{words}</b><small>{odds}</small></div><div>{button}</div></li>",
            words=FAULTS[row["fault"]].words,
            odds=f"{row['fault']}: {_odds(row)}",
            button=button(play.slug, "Switch off", do="clear", number=row["number"], said="It is off."),
        )
        for row in state["faults"]
    ) or Markup('<li class="none">Nothing goes wrong at present.</li>')
    options = joined(
        fill('<option value="{name}">{words}</option>', name=fault.name, words=fault.words) for fault in FAULTS.values()
    )
    return fill(
        """<section class="panel"><h2>What goes wrong</h2><ul class="rows">{standing}</ul>
<form method="post" action="/-/{slug}" class="grid"><input type="hidden" name="do" value="faults">
<input type="hidden" name="provider" value="{slug}"><input type="hidden" name="said" value="It will go wrong.">
<label class="wide">Fault <select name="fault">{options}</select></label>
<label>The next … requests <input name="next" type="number" min="1" placeholder="until switched off"></label>
<label>Probability <input name="probability" type="number" min="0.01" max="1" step="0.01" placeholder="1"></label>
<label>Seconds <input name="seconds" type="number" min="0" max="600" step="0.1" placeholder="as usual"></label>
<label>Paths with <input name="path" placeholder="all"></label>
<button class="primary">Switch on</button></form></section>""",
        slug=play.slug,
        standing=standing,
        options=options,
    )


def _odds(row: Mapping[str, Any]) -> str:
    parts = [f"the next {row['left']}" if row["left"] is not None else "until it is switched off"]
    if row["probability"] < 1:
        parts.append(f"{row['probability']:.0%} of requests")
    if row["path"]:
        parts.append(f"paths with {row['path']}")
    if row["provider"] == "*":
        parts.append("at every provider")
    return f"{', '.join(parts)}; struck {_times(row['fired'])}"


def _tokens(play: Play, state: Mapping[str, Any]) -> Markup:
    windows = "; ".join(
        f"{requests:,} in {_span(window.seconds)} for each {'application' if window.per == 'app' else 'account'}"
        + (f" ({window.kind})" if window.kind != "all" else "")
        for window, requests in zip(play.windows, state["limits"], strict=True)
    )
    return fill(
        """<section class="panel"><h2>Tokens and limits</h2>
<p>Access tokens live for {ttl}. Limits: {windows}.</p>
<div class="forms">
<form method="post" action="/-/{slug}"><input type="hidden" name="do" value="ttl">
<input type="hidden" name="provider" value="{slug}">
<input type="hidden" name="said" value="New tokens live as long as you said.">
<label>New tokens live for … seconds <input name="seconds" type="number" min="0" placeholder="as usual"></label>
<button>Set</button></form>
<form method="post" action="/-/{slug}"><input type="hidden" name="do" value="limits">
<input type="hidden" name="provider" value="{slug}">
<input type="hidden" name="said" value="The limits are as you said.">
<label>Requests in each window <input name="requests" placeholder="as usual; off; {example}"></label>
<button>Set</button></form>
{expire}</div></section>""",
        slug=play.slug,
        ttl=_span(state["ttl_s"]),
        windows=windows or "none",
        example=", ".join(str(max(1, window.requests // 100)) for window in play.windows) or "none",
        expire=button(play.slug, "Let access tokens expire now", do="expire", said="All access tokens have expired."),
    )


def _span(seconds: float) -> str:
    for length, noun in ((86_400 * 365, "year"), (86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= length and seconds % length < length / 100:
            return _many(round(seconds / length), noun)
    return _many(round(seconds), "second")


def _deliveries(play: Play, state: Mapping[str, Any], deliveries: Sequence[Mapping[str, Any]]) -> Markup:
    if play.webhooks is None:
        return Markup("")
    going = joined(
        fill("<li><div><b>{url}</b><small>{topic}</small></div></li>", url=it["callback_url"],
             topic=it["topic"] or ("set up in the portal" if it["external_id"] == "portal" else "for everything"))
        for it in state["subscriptions"]
    ) or Markup('<li class="none">Nobody has subscribed: nothing is sent.</li>')  # fmt: skip
    rows = joined(_delivery(play, it) for it in deliveries) or Markup('<li class="none">Nothing was sent yet.</li>')
    form = Markup("")
    if play.webhooks.portal:
        form = fill(
            """<form method="post" action="/-/{slug}" class="forms"><input type="hidden" name="do" value="callback">
<input type="hidden" name="provider" value="{slug}"><input type="hidden" name="said" value="Saved in the portal.">
<label class="wide">The portal's callback <input name="url" value="{url}"></label><button>Save</button></form>""",
            slug=play.slug,
            url=state["callback"],
        )
    return fill(
        """<section class="panel"><h2>Webhooks</h2><h3>Where they go</h3><ul class="rows">{going}</ul>{form}
<h3>Sent, newest first</h3><ul class="rows">{rows}</ul></section>""",
        going=going,
        form=form,
        rows=rows,
    )


def _delivery(play: Play, it: Mapping[str, Any]) -> Markup:
    if it["due"] is not None:
        tried = f"tried {_times(it['attempts'])}, {_answered(it)}; again soon"
        mark = ("warn", tried if it["attempts"] else "waiting")
    elif it["status"] and 200 <= it["status"] < 300:
        mark = ("good", f"{it['status']} in {it['took_ms']:.0f} ms")
    else:
        mark = ("bad", f"tried {_times(it['attempts'])}, {_answered(it)}")
    buttons = Markup("")
    if it["subscription"]:
        buttons = joined(
            [
                button(play.slug, "Send again", do="send_again", number=it["number"], said="It goes out once more."),
                button(play.slug, "Forge", do="send_again", number=it["number"], forged=1,
                       said="It goes out with a wrong signature."),
            ]
        )  # fmt: skip
    return fill(
        """<li><div><b>{what}</b> <span class="mark {kind}">{words}</span>{forged}<small>{at}</small>
<details><summary>Body and answer</summary><pre>{body}</pre><pre>{answered}</pre></details></div>
<div>{buttons}</div></li>""",
        what=it["what"],
        kind=mark[0],
        words=mark[1],
        forged=Markup(' <span class="mark bad">forged</span>') if it["is_forged"] else Markup(""),
        at=clock(it["made"]),
        body=it["body"] or "no body",
        answered=it["answered"] or "no answer",
        buttons=buttons,
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _answered(it: Mapping[str, Any]) -> str:
    return f"answered {it['status']}" if it["status"] else "nobody answered"


def _requests(requests: Sequence[Mapping[str, Any]]) -> Markup:
    rows = joined(
        fill(
            '<tr><td>{at}</td><td><span class="mark {kind}">{status}</span></td><td class="path">{method} {path}'
            "<small>{query}</small></td><td>{fault}</td></tr>",
            at=clock(it["at"], seconds=True),
            kind="good" if it["status"] < 400 else "bad",
            status=it["status"],
            method=it["method"],
            path=it["path"],
            query=it["query"] if len(it["query"]) <= 90 else it["query"][:90] + "…",
            fault=it["fault"] or it["note"],
        )
        for it in requests
    )
    if not rows:
        nothing = '<p class="none">Nobody has asked anything yet.</p>'
        return Markup(f'<section class="panel"><h2>Requests</h2>{nothing}</section>')
    return fill(
        """<section class="panel"><h2>Requests</h2><div class="scroll"><table><thead><tr><th>When</th><th>Answer</th>
<th>What</th><th>Went wrong</th></tr></thead><tbody>{rows}</tbody></table></div></section>""",
        rows=rows,
    )


def clock(moment: float, *, seconds: bool = False) -> str:
    """UTC, for a person."""
    return f"{datetime.fromtimestamp(moment, UTC):{'%H:%M:%S' if seconds else '%Y-%m-%d %H:%M'}} UTC"


def told(done: Any, said: str = "Done.") -> str:
    """What an action did, in a few words."""
    if isinstance(done, Mapping) and "records" in done:
        return f"{said} {_sent(done)}."
    if isinstance(done, Mapping) and done and all(isinstance(it, Mapping) and "records" in it for it in done.values()):
        return "; ".join(f"{slug}: {_sent(it)}" for slug, it in done.items()) + "."
    return said


def _sent(it: Mapping[str, int]) -> str:
    return f"{_many(it['records'], 'record')}, {_many(it['deliveries'], 'delivery')}"
