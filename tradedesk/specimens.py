"""What the style page shows. The only invented figures of the product are here."""

from datetime import timedelta
from decimal import Decimal
from math import sin
from typing import Any

from django import forms
from django.utils import timezone

from tradedesk.templatetags.desk import STATES

ACCOUNTS = [
    {"number": 1, "tag": "AR", "name": "Anita Rao", "more": "AR4821", "result": "66565", "used": 61},
    {"number": 2, "tag": "RH", "name": "Rao HUF", "more": "RH1190", "result": "81699.25", "used": 48},
    {"number": 3, "tag": "VR", "name": "Vikram Rao", "more": "VR7735", "result": "-18892.75", "used": 86},
    {"number": 4, "tag": "MT", "name": "Meera Trust", "more": "MT2046, ended 06:00", "needs": "Login needed"},
    {"number": 5, "tag": "KS", "name": "Kiran Shah", "more": "KS3310", "result": "0", "used": 12},
    {"number": 6, "tag": "SL", "name": "Shah LLP", "more": "SL0087", "needs": "Read only"},
    {"number": 7, "tag": "PD", "name": "Priya Desai", "more": "PD5521", "result": "4120.5", "used": 33},
    {"number": 8, "tag": "DP", "name": "Desai Partners", "more": "DP9004", "needs": "Paused"},
]  # fmt: skip

# account, underlying, contract, exchange, product, quantity, average, last, change, result
POSITIONS: list[tuple[str, str, str, list[Any]]] = [
    ("NIFTY", "4 legs", "36546.25", [
        (1, "NIFTY", "24 NOV 26400 CE", "NFO", "NRML", -650, "118.40", "74.15", "-22.40", "28762.50"),
        (1, "NIFTY", "24 NOV 26600 CE", "NFO", "NRML", 650, "52.30", "29.85", "-31.70", "-14592.50"),
        (2, "NIFTY", "24 NOV 26000 PE", "NFO", "NRML", -975, "88.25", "51.60", "-28.90", "35733.75"),
        (3, "NIFTY", "NOV FUT", "NFO", "NRML", -195, "26318.00", "26386.50", "0.38", "-13357.50"),
    ]),
    ("Equity", "4 positions", "34800.00", [
        (1, "RELIANCE", "", "NSE", "MIS", 1500, "1482.35", "1496.80", "0.97", "21675.00"),
        (2, "HDFCBANK", "", "NSE", "MIS", 2000, "1006.40", None, None, None),
        (5, "INFY", "", "NSE", "CNC", 400, "1528.10", "1524.55", "-0.41", "-1420.00"),
        (7, "TATASTEEL", "", "NSE", "MIS", 0, None, "182.64", "1.12", "14545.00"),
    ]),
]  # fmt: skip

# account, side, underlying, contract, exchange, product, kind, filled, asked, price, state, more
ORDERS = [
    (2, "Buy", "HDFCBANK", "", "NSE", "MIS", "LIMIT", 0, 1000, "1010.00", "SENDING", {}),
    (2, "Buy", "HDFCBANK", "", "NSE", "MIS", "LIMIT", 0, 1000, "1010.00", "PENDING", {"broker": "VALIDATION PENDING"}),
    (1, "Buy", "NIFTY", "24 NOV 26400 CE", "NFO", "NRML", "SL", 0, 650, "96.00", "TRIGGER PENDING", {}),
    (1, "Sell", "RELIANCE", "", "NSE", "MIS", "LIMIT", 500, 1500, "1498.00", "PARTIAL", {}),
    (2, "Sell", "BANKNIFTY", "24 NOV 59000 CE", "NFO", "MIS", "LIMIT", 300, 300, "214.60", "COMPLETE", {}),
    (3, "Buy", "TATAPOWER", "", "NSE", "MIS", "MARKET", 0, 5000, "402.15", "REJECTED", {"reason": "Short by 2,15,747.70"}),
    (3, "Sell", "NIFTY", "NOV FUT", "NFO", "NRML", "LIMIT", 300, 650, "26460.00", "CANCELLED", {"note": "300 filled"}),
    (7, "Buy", "SBIN", "", "NSE", "CNC", "LIMIT", 0, 400, "972.35", "UNKNOWN", {"reason": "No answer. Being looked for."}),
]  # fmt: skip

WATCHED = [
    ("RELIANCE", True, "1496.80", "0.97"),
    ("HDFCBANK", True, "1013.75", "0.84"),
    ("INFY", False, "1524.55", "-0.41"),
    ("GOLDM DEC FUT", False, "121840.00", "-0.18"),
    ("USDINR NOV FUT", False, None, None),
]
INDICES = [("NIFTY 50", "26372.85", "0.34"), ("SENSEX", "86214.40", "0.29"), ("BANKNIFTY", "58914.25", "-0.12")]  # fmt: skip
DEPTH = [
    ("1013.70", 3, 1840, "1013.75", 2, 920),
    ("1013.65", 9, 4310, "1013.80", 6, 3105),
    ("1013.60", 14, 6122, "1013.85", 11, 5240),
    ("1013.55", 8, 2964, "1013.90", 15, 7418),
    ("1013.50", 21, 11930, "1014.00", 32, 16205),
]
TOKENS = [
    "canvas",
    "surface",
    "sunken",
    "raised",
    "line",
    "line-strong",
    "ink",
    "ink-2",
    "ink-3",
    "bar",
    "bar-2",
    "buy",
    "buy-solid",
    "buy-tint",
    "sell",
    "sell-solid",
    "sell-tint",
    "up",
    "up-tint",
    "down",
    "down-tint",
    "warn",
    "warn-tint",
    "neutral-tint",
    "segment-on",
    "account-1",
    "account-2",
    "account-3",
    "account-4",
    "account-5",
    "account-6",
    "account-7",
    "account-8",
]
ICONS = [
    "search",
    "bell",
    "plus",
    "x",
    "check",
    "minus",
    "pencil",
    "repeat",
    "refresh-cw",
    "download",
    "sliders-horizontal",
    "pin",
    "briefcase",
    "chart-line",
    "list-filter",
    "list",
    "layout-dashboard",
    "receipt",
    "wallet",
    "layers",
    "history",
    "target",
    "shield",
    "shield-check",
    "key-round",
    "fingerprint-pattern",
    "smartphone",
    "lock",
    "user",
    "users",
    "link",
    "unplug",
    "wifi-off",
    "power",
    "clock",
    "calendar",
    "keyboard",
    "sun",
    "moon",
    "monitor",
    "settings",
    "mail",
    "server",
    "database",
    "hard-drive",
    "activity",
    "bug",
    "palette",
    "copy",
    "eye",
    "eye-off",
    "trash-2",
    "log-in",
    "log-out",
    "external-link",
    "info",
    "triangle-alert",
    "octagon-alert",
    "circle-check",
]


class SpecimenForm(forms.Form):
    """One field of each kind that the product's forms use."""

    email = forms.EmailField(label="E-mail address", help_text="The one you log in with.")
    password = forms.CharField(label="Password", widget=forms.PasswordInput)
    quantity = forms.IntegerField(label="Quantity", min_value=1)
    product = forms.ChoiceField(
        label="Product", choices=[("MIS", "Intraday MIS"), ("NRML", "Overnight NRML")]
    )
    split = forms.ChoiceField(
        label="Split the order",
        choices=[("equal", "In equal parts"), ("capital", "By capital")],
        widget=forms.RadioSelect,
    )
    note = forms.CharField(label="Note", widget=forms.Textarea, required=False)
    fixed = forms.CharField(label="Client ID", initial="AR4821", disabled=True, required=False)
    careful = forms.BooleanField(label="Ask before each order", required=False)


def everything() -> dict[str, Any]:
    """Lay out every specimen for the page."""
    now = timezone.now()
    wrong = SpecimenForm(
        {"email": "anita@", "quantity": "0", "product": "MIS", "note": "One line."},
        auto_id="wrong_%s",
    )
    wrong.add_error(None, "The order was not sent: this account may not trade on NFO.")
    return {
        "tokens": TOKENS,
        "icons": ICONS,
        "states": STATES,
        "accounts": [account | numbered(account) for account in ACCOUNTS],
        "positions": [
            {"name": name, "legs": legs, "result": Decimal(result), "rows": [position(*row) for row in rows]}
            for name, legs, result, rows in POSITIONS
        ],
        "orders": [order(now - timedelta(seconds=42 * n), *row) for n, row in enumerate(ORDERS)],
        "watched": [watched(name, last, change, held=held) for name, held, last, change in WATCHED],
        "indices": [watched(name, last, change, held=False) for name, last, change in INDICES],
        "depth": [[number(cell) if isinstance(cell, str) else cell for cell in row] for row in DEPTH],
        "curve": curve(),
        "calendar": calendar(),
        "fresh_form": SpecimenForm(auto_id="fresh_%s"),
        "wrong_form": wrong,
        "gain": Decimal("129371.50"),
        "loss": Decimal("-14592.50"),
        "nought": Decimal(0),
        "nothing": None,
        "many": 1500,
        "crores": Decimal("31250000"),
        "lakhs": Decimal("-1240000"),
        "currency": Decimal("84.2125"),
        "yesterday": now - timedelta(days=1),
        "last_year": now - timedelta(days=400),
        "levels": {
            "success": "Complete. Sold 300 BANKNIFTY 24 NOV 59000 CE at 214.60.",
            "info": "The paper exchange opens at 09:15.",
            "warning": "Margin used in Vikram Rao is above 80%.",
            "error": "Rejected. Short by 2,15,747.70 in Vikram Rao.",
        },
    }  # fmt: skip


def number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def numbered(account: dict[str, Any]) -> dict[str, Any]:
    return {"result": number(account.get("result"))}


def account_of(number: int) -> dict[str, Any]:
    return ACCOUNTS[number - 1]


def position(
    account: int, name: str, contract: str, exchange: str, product: str, held: int,
    average: str | None, last: str | None, change: str | None, result: str | None,
) -> dict[str, Any]:  # fmt: skip
    side = "is-long" if held > 0 else "is-short" if held else "is-closed"
    return {
        "account": account_of(account), "name": name, "contract": contract, "exchange": exchange,
        "product": product, "held": held, "side": side, "average": number(average),
        "last": number(last), "change": number(change), "result": number(result),
    }  # fmt: skip


def order(
    at: Any, account: int, side: str, name: str, contract: str, exchange: str, product: str,
    kind: str, filled: int, asked: int, price: str, state: str, more: dict[str, str],
) -> dict[str, Any]:  # fmt: skip
    return {
        "at": at, "account": account_of(account), "side": side, "name": name,
        "contract": contract, "exchange": exchange, "product": product, "kind": kind,
        "filled": filled, "asked": asked, "price": Decimal(price), "state": state, **more,
    }  # fmt: skip


def watched(name: str, last: str | None, change: str | None, *, held: bool) -> dict[str, Any]:
    return {"name": name, "held": held, "last": number(last), "change": number(change)}


def curve() -> str:
    """Draw a day as an SVG path: a dip, a climb, a plateau."""
    points = []
    for step in range(107):
        rise = 56 - 44 * min(1, max(0, (step - 12) / 60)) + 9 * max(0, 1 - abs(step - 10) / 9)
        points.append(f"{4 * step} {rise + 1.8 * sin(step * 1.7) + 1.2 * sin(step * 0.6):.1f}")
    return "M" + " L".join(points)


def calendar() -> list[dict[str, Any]]:
    """Lay out half a year of days: where each stands, and how it went."""
    days = []
    for week in range(26):
        for day in range(5):
            swing = sin(week * 1.3 + day * 2.1) + 0.25
            holiday = (week, day) in {(4, 2), (17, 0), (22, 4)}
            strength = min(4, 1 + int(abs(swing) * 3.4))
            kind = "holiday" if holiday else f"{'gain' if swing > 0 else 'loss'}-{strength}"
            days.append({"x": 30 + week * 13, "y": 14 + day * 13, "kind": kind, "loss": swing <= 0 and not holiday})  # fmt: skip
    return days
