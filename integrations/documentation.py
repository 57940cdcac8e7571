"""`docs/providers.md`, written from what the providers declare: nothing in it is typed by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

from integrations.base import Capabilities, Network, OAuth2, Provider
from integrations.registry import FILE, PROVIDERS
from integrations.words import CAPABILITIES, brings_words, budget_line, every_words, history_lines, length_words

HEAD = """\
# Providers

Written by `manage.py provider_docs` from what each provider declares in `integrations/providers/`; a test says when it
has to be written again. What an operator sets goes into the environment, see [operating.md](operating.md).

A mark says what comes in: ● over the provider's API, ○ by a file that a person brings.
"""

# Set for every provider with an API; the rest is declared in its folder.
COMMON_SETTINGS = (
    ("CLIENT_ID", "The id under which the provider knows this server.", ""),
    ("CLIENT_SECRET", "The secret that belongs to it.", ""),
)
REFRESH = {
    "rotates": "each refresh brings a new refresh token",
    "keeps": "the refresh token stays the same",
    "none": "tokens cannot be refreshed",
}


def providers_markdown() -> str:
    """The whole document."""
    told = sorted(PROVIDERS.values(), key=lambda one: (one is FILE, one.name.lower()))
    parts = [HEAD, _overview(told)]
    parts += [_provider(provider) for provider in told]
    return "\n".join(parts).rstrip("\n") + "\n"


def _overview(providers: Sequence[Provider]) -> str:
    names = [field.name for field in fields(Capabilities)]
    rows = [["provider", *(CAPABILITIES[name] for name in names)]]
    for provider in providers:
        api = provider.network.brings if provider.network else Capabilities()
        marks = [
            _mark(getattr(api, name), bool(provider.ways_in) and getattr(provider.capabilities, name)) for name in names
        ]
        rows.append([f"[{provider.name}](#{_anchor(provider.name)})", *marks])
    return _table(rows)


def _mark(by_api: bool, by_file: bool) -> str:
    return f"{'●' if by_api else ''}{'○' if by_file else ''}"


def _provider(provider: Provider) -> str:
    parts = [f"## {provider.name}\n", f"{provider.summary}\n"]
    if provider.notes:
        parts.append(_list(provider.notes))
    for way in provider.ways_in:
        parts.append(f"**By file: {way.title[0].lower()}{way.title[1:]}.** {' '.join(way.steps)}\n")
        if way.notes:
            parts.append(_list(way.notes))
    if provider.network is not None:
        parts.extend(_network(provider, provider.network))
    return "\n".join(parts)


def _network(provider: Provider, network: Network) -> Iterator[str]:
    yield f"**By connecting (OAuth 2).** It brings {brings_words(network.brings)}. {' '.join(history_lines(network))}\n"
    yield _table(
        [
            ["feed", "brings", "looked at", "reaches back", "needs"],
            *(
                [
                    feed.title,
                    brings_words(feed.brings) or "what the others need",
                    every_words(feed.every_s),
                    "to the beginning" if feed.history_days is None else f"{feed.history_days} days",
                    ", ".join(f"`{scope}`" for scope in feed.scopes) or "–",
                ]
                for feed in network.feeds
            ),
        ]
    )
    yield "Scopes that the athlete is asked for:\n"
    yield _table(
        [
            ["scope", "what it gives", "needed"],
            *([f"`{one.name}`", one.sentence, "yes" if one.required else ""] for one in network.oauth.scopes),
        ]
    )
    yield f"Consent: {_consent(network.oauth)}.\n"
    if network.not_offered:
        yield "What its API does not offer:\n"
        yield _list(network.not_offered)
    yield "Limits: " + ("; ".join(map(budget_line, network.budgets)) or "none are known") + ".\n"
    yield from _webhooks(network)
    yield from _terms(network)
    yield "What an operator does:\n"
    yield _list(
        [
            *network.operator_steps,
            f"Register `<BASE_URL>/connections/{provider.slug}/callback/` as the redirect address.",
        ],
        numbered=True,
    )
    yield _table([["variable", "what it is", "default"], *_settings(provider, network)])


def _consent(oauth: OAuth2) -> str:
    how = ["authorisation code", "with PKCE" if oauth.pkce else "without PKCE", f"client by `{oauth.client_auth}`"]
    again = ", and a lost answer to a refresh can be asked for again" if oauth.repeats_refresh else ""
    return f"{', '.join(how)}; {REFRESH[oauth.refresh]}{again}"


def _webhooks(network: Network) -> Iterator[str]:
    webhooks = network.webhooks
    if webhooks is None:
        yield "Webhooks: none; it is asked for news by the clock.\n"
        return
    silence = length_words(webhooks.silence_days * 86400)
    if webhooks.by_call:
        how = "Subscribed to by `manage.py webhooks` and renewed by a schedule."
    else:
        how = "Set up by hand in the provider's portal."
    yield f"Webhooks: yes. {how} After {silence} of silence it is asked by the clock again.\n"
    if webhooks.steps:
        yield _list(webhooks.steps, numbered=True)


def _terms(network: Network) -> Iterator[str]:
    terms = network.terms
    lines = list(terms.sentences)
    if terms.keep_days is not None:
        lines.append(
            f"With `PROVIDER_TERMS=enforce` its data are removed after {length_words(terms.keep_days * 86400)}."
        )
    if terms.only_athlete:
        lines.append("With `PROVIDER_TERMS=enforce` its data are shown to nobody but the athlete.")
    if terms.attribution:
        lines.append(f"Beside its data stands: “{terms.attribution}”.")
    if terms.url:
        lines.append(f"<{terms.url}>")
    if lines:
        yield "Terms:\n"
        yield _list(lines)


def _settings(provider: Provider, network: Network) -> list[list[str]]:
    prefix = provider.slug.upper()
    told = [*COMMON_SETTINGS]
    if network.webhooks is not None:
        if not any(one.name == "WEBHOOK_SECRET" for one in network.settings):
            told.append(
                ("WEBHOOK_SECRET", "What its webhooks are checked with, where the provider has one of its own.", "")
            )
        told.append(
            ("VERIFY_TOKEN", "What the handshakes of its webhooks carry; made from `SECRET_KEY` if not set.", "")
        )
        if getattr(network.webhooks, "secret_address", False):
            told.append(
                ("ADDRESS_KEY", "The part of its webhooks' address that nobody guesses; made from `SECRET_KEY`.", "")
            )
    told += [(one.name, one.sentence, one.default) for one in network.settings]
    told += [
        ("AUTHORIZE_URL", "Where the athlete agrees.", network.oauth.authorize_url),
        ("TOKEN_URL", "Where tokens come from.", network.oauth.token_url),
        ("API_URL", "Where its API is.", network.api_url),
    ]
    return [[f"`{prefix}_{name}`", what, f"`{default}`" if default else ""] for name, what, default in told]


def _anchor(title: str) -> str:
    """The anchor that a heading gets on the pages of a forge."""
    kept = "".join(letter for letter in title.lower() if letter.isalnum() or letter in " -_")
    return kept.replace(" ", "-")


def _list(lines: Sequence[str], *, numbered: bool = False) -> str:
    marks = (f"{number}." for number in range(1, len(lines) + 1)) if numbered else ("-" for _ in lines)
    return "".join(f"{mark} {line}\n" for mark, line in zip(marks, lines, strict=True))


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    lines = [_row(head), _row(["---"] * len(head)), *map(_row, body)]
    return "".join(f"{line}\n" for line in lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
