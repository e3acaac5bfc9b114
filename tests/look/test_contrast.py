"""Every pair of colours that meets on a page can be read, in both themes: WCAG 2.2 AA."""

import math
import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).resolve().parent.parent.parent / "static/css/tokens.css"
TEXT, BORDER = 4.5, 3.0
OKLCH = r"oklch\(([\d.]+) ([\d.]+) ([\d.]+)\)"
TOKEN = re.compile(rf"--([\w-]+):\s*(?:light-dark\({OKLCH},\s*{OKLCH}\)|{OKLCH});")

GROUNDS = ("surface", "canvas", "sunken", "raised")
ACCOUNTS = tuple(f"account-{number}" for number in range(1, 9))
PAIRS = [
    *[(ink, ground, TEXT) for ink in ("ink", "ink-2", "ink-3") for ground in GROUNDS],
    *[(ink, ground, TEXT) for ink in ("up", "down", "warn") for ground in GROUNDS],
    *[(ink, ground, TEXT) for ink in ("buy", "sell") for ground in ("surface", "canvas")],
    *[(ink, f"{ink}-tint", TEXT) for ink in ("buy", "sell", "up", "down", "warn")],
    *[(ink, tint, TEXT) for ink in ("ink", "ink-2") for tint in ("warn-tint", "neutral-tint")],
    *[("ink", tint, TEXT) for tint in ("up-tint", "down-tint", "buy-tint", "segment-on")],
    *[(ink, "buy-tint", TEXT) for ink in ("up", "down", "ink-2", "ink-3", "sell")],
    ("ink-2", "segment-on", TEXT),
    ("surface", "ink", TEXT),
    ("on-solid", "buy-solid", TEXT),
    ("on-solid", "sell-solid", TEXT),
    *[("surface", account, TEXT) for account in ACCOUNTS],
    *[
        (ink, ground, TEXT)
        for ink in ("bar-ink", "bar-ink-2", "bar-up", "bar-down", "bar-warn")
        for ground in ("bar", "bar-2")
    ],
    *[("line-strong", ground, BORDER) for ground in GROUNDS],
]


def tokens(css):
    """Read each colour as its light and its dark value."""
    colours = {}
    for name, *numbers in TOKEN.findall(css):
        light, dark, same = numbers[:3], numbers[3:6], numbers[6:]
        pair = (light, dark) if light[0] else (same, same)
        colours[name] = tuple(tuple(map(float, value)) for value in pair)
    return colours


def linear_rgb(lightness, chroma, hue):
    """Turn OKLCH into linear sRGB, cut off where the screen ends (Ottosson's matrices)."""
    a = chroma * math.cos(math.radians(hue))
    b = chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    rgb = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return [min(1.0, max(0.0, part)) for part in rgb]


def luminance(colour):
    red, green, blue = linear_rgb(*colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def palettes(css):
    """Read the usual colours, and those for eyes that do not tell red from green."""
    usual, _, cvd = css.partition(':root[data-pnl="cvd"]')
    colours = tokens(usual)
    return {"usual": colours, "cvd": colours | tokens(cvd)}


def too_weak(css):
    """Name each pair that falls below what it needs, and in which theme."""
    return [
        f"{ink} on {ground}, {theme}: {ratio:.2f} < {least} ({name})"
        for name, colours in palettes(css).items()
        for ink, ground, least in PAIRS
        for theme, place in (("light", 0), ("dark", 1))
        if (ratio := contrast(colours[ink][place], colours[ground][place])) < least
    ]


def test_every_pair_can_be_read_in_both_themes():
    assert too_weak(TOKENS.read_text()) == []


def test_the_formula_agrees_with_known_values():
    black, white = (0, 0, 0), (1, 0, 0)

    assert contrast(white, black) == pytest.approx(21, abs=0.01)
    assert contrast((0.235, 0.022, 252), (0.995, 0.001, 245)) == pytest.approx(16.36, abs=0.1)
    assert contrast((0.79, 0.135, 162), (0.2, 0.012, 250)) == pytest.approx(9.85, abs=0.1)


@pytest.mark.parametrize(
    ("good", "bad", "pair"),
    [
        ("--ink-3: light-dark(oklch(0.5 ", "--ink-3: light-dark(oklch(0.7 ", "ink-3 on surface"),
        ("oklch(0.675 0.014 248)", "oklch(0.4 0.014 248)", "ink-3 on canvas, dark"),
        ("--up: light-dark(oklch(0.49 ", "--up: light-dark(oklch(0.75 ", "up on up-tint, light"),
        ("--account-8: light-dark(oklch(0.54 ", "--account-8: light-dark(oklch(0.8 ", "account-8"),
        (
            "--line-strong: light-dark(oklch(0.62 ",
            "--line-strong: light-dark(oklch(0.8 ",
            "line-strong on surface",
        ),
    ],
)
def test_a_colour_that_fades_is_noticed(good, bad, pair):
    css = TOKENS.read_text()
    assert good in css

    assert any(pair in complaint for complaint in too_weak(css.replace(good, bad, 1)))


def test_every_colour_of_the_file_was_read():
    css = TOKENS.read_text()
    defined = set(re.findall(r"--([\w-]+):[^;{]*oklch", css)) - {"float"}

    assert set(tokens(css)) == defined
