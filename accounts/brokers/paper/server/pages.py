"""The few HTML pages: log-in, and the running exchange for people."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from .messages import HTML, Answer

STYLE: Final = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0 auto; padding: 1.5rem; max-width: 72rem; }
main.narrow { max-width: 24rem; margin: 0 auto; }
.mark { background: #7a3e00; color: #fff; padding: .5rem .75rem; border-radius: .375rem; font-weight: 600; }
label { display: block; margin-top: 1rem; font-weight: 600; }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; border: 1px solid #767676; border-radius: .25rem; }
button { font: inherit; margin-top: 1.25rem; padding: .5rem 1rem; border: 0; border-radius: .25rem; background: #0b57d0; color: #fff; cursor: pointer; }
button.plain { background: none; color: inherit; text-decoration: underline; }
:focus-visible { outline: 3px solid #0b57d0; outline-offset: 2px; }
.wrong { border-left: .25rem solid #b3261e; padding-left: .75rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 1rem 0 .25rem; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8884; white-space: nowrap; }
td.number, th.number { text-align: right; }
"""
MARK: Final = '<p class="mark">Paper exchange: practice money</p>'


def document(title: str, inside: str, *, refresh: int = 0) -> str:
    again = f'<meta http-equiv="refresh" content="{refresh}">' if refresh else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'{again}<link rel="icon" href="data:,"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>{inside}</body></html>"
    )


def page(html: str, *, status: int = 200, form_targets: Sequence[str] = ()) -> Answer:
    """An HTML answer under a policy that lets nothing in but its own style."""
    # Chromium applies form-action to redirects too, so the app's own address must be named.
    targets = " ".join(["'self'", *form_targets])
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action {targets}"
    )
    headers = (
        ("Content-Security-Policy", policy),
        ("Cache-Control", "no-store"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
    )
    return Answer(html.encode(), status, HTML, headers)


def complaint(message: str) -> str:
    return f'<p class="wrong" role="alert">{escape(message)}</p>' if message else ""


def hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'


def password_form(sess_id: str, message: str = "", user: str = "") -> str:
    inside = (
        f'<main class="narrow">{MARK}<h1>Log in</h1>{complaint(message)}'
        f'<form method="post" action="/connect/login">{hidden("sess_id", sess_id)}'
        '<label for="user_id">User ID</label>'
        f'<input id="user_id" name="user_id" value="{escape(user)}" required autofocus'
        ' autocomplete="username" autocapitalize="characters" spellcheck="false">'
        '<label for="password">Password</label>'
        '<input id="password" name="password" type="password" required'
        ' autocomplete="current-password">'
        '<button type="submit">Log in</button></form>'
        f"{cancel_form(sess_id)}</main>"
    )
    return document("Log in to the paper exchange", inside)


def code_form(sess_id: str, message: str = "") -> str:
    inside = (
        f'<main class="narrow">{MARK}<h1>Confirm it is you</h1>{complaint(message)}'
        f'<form method="post" action="/connect/twofa">{hidden("sess_id", sess_id)}'
        '<label for="twofa_value">Code from your authenticator app</label>'
        '<input id="twofa_value" name="twofa_value" required autofocus inputmode="numeric"'
        ' pattern="[0-9]{6}" maxlength="6" autocomplete="one-time-code">'
        '<button type="submit">Continue</button></form>'
        f"{cancel_form(sess_id)}</main>"
    )
    return document("Confirm your log-in", inside)


def shares_form(action: str, shares: dict[str, int]) -> str:
    """What is to be authorised, with a yes and a no."""
    inside = (
        f'<main class="narrow">{MARK}<h1>Authorise the sale of shares</h1>'
        + table("Shares", ("ISIN", "Quantity"), sorted(shares.items()))
        + f'<form method="post" action="{escape(action)}">'
        '<button type="submit" name="agreed" value="yes">Authorise</button> '
        '<button class="plain" type="submit" name="agreed" value="no">Decline</button>'
        "</form></main>"
    )
    return document("Authorise the sale of shares", inside)


def cancel_form(sess_id: str) -> str:
    return (
        f'<form method="post" action="/connect/cancel">{hidden("sess_id", sess_id)}'
        '<button class="plain" type="submit">Cancel</button></form>'
    )


def notice(title: str, message: str) -> str:
    return document(
        title, f'<main class="narrow">{MARK}<h1>{escape(title)}</h1>{complaint(message)}</main>'
    )


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table whose number cells stand to the right; an empty one says so."""
    lines = list(rows)
    first = lines[0] if lines else ("",) * len(heads)
    head = "".join(heading(name, value) for name, value in zip(heads, first, strict=True))
    body = "".join(f"<tr>{''.join(cell(value) for value in row)}</tr>" for row in lines)
    body = body or f'<tr><td colspan="{len(heads)}">None</td></tr>'
    return (
        f'<div class="scroll"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def heading(name: str, below: object) -> str:
    """A column's name, standing to the right where numbers stand below it."""
    kind = ' class="number"' if isinstance(below, int | float) else ""
    return f'<th scope="col"{kind}>{escape(name)}</th>'


def cell(value: object) -> str:
    if isinstance(value, float):
        return f'<td class="number">{value:.2f}</td>'
    if isinstance(value, int):
        return f'<td class="number">{value}</td>'
    return f"<td>{escape(str(value))}</td>"
