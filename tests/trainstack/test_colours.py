"""What is drawn stands out from what it is drawn on: 3 to 1 at least, in light and in dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSS = (Path(__file__).resolve().parent.parent.parent / "static" / "trainstack.css").read_text()
DARK = "@media screen and (prefers-color-scheme: dark)"
DRAWN = (
    "deep", "light", "rem", "awake", "asleep", "in-bed", "z1", "z2", "z3", "z4", "z5",
    "source-1", "source-2", "source-3", "source-4", "source-5", "source-6",
    "c-heart", "c-speed", "c-altitude", "c-power", "c-cadence", "c-other",
    "run", "ride", "swim", "walk", "strength", "winter", "water", "mind", "other", "accent", "signal", "line-2",
)  # fmt: skip
GROUNDS = ("surface", "paper", "sunken")


def tokens(scheme: str) -> dict[str, str]:
    light, dark = CSS.split(DARK, 1)
    text = light if scheme == "light" else dark.split("/* --- ground", 1)[0]
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", text))


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_that_of_wcag():
    assert (round(contrast("#000000", "#ffffff"), 2), round(contrast("#777777", "#ffffff"), 2)) == (21.0, 4.48)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_drawn_stands_out(scheme):
    colours = tokens(scheme)

    faint = [(name, ground) for name in DRAWN for ground in GROUNDS if contrast(colours[name], colours[ground]) < 3]

    assert faint == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_more(scheme):
    colours = tokens(scheme)
    written = [(ink, ground) for ink in ("ink", "ink-2", "accent") for ground in GROUNDS]
    written += [(name, f"{name}-soft") for name in ("warn", "bad", "accent")]

    assert [pair for pair in written if contrast(*(colours[name] for name in pair)) < 4.5] == []
