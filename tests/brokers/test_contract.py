"""The contract, kept by the Kite adapter at a paper exchange."""

import itertools
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
import pytest

from tests.brokers.conftest import PaperAccount
from tests.brokers.contract import OrdersContract
from tests.brokers.contract_base import KEY
from tests.brokers.contract_reads import ReadsContract

numbers = itertools.count(1)
ROUTES = {"place": "order.place", "modify": "order.modify", "cancel": "order.cancel"}
HOME = "https://desk.example/callback"
FAULTS: dict[str, dict] = {
    "dropped before": {"effect": "drop_before_acceptance"},
    "dropped after": {"effect": "drop_after_acceptance"},
    "closed after": {"effect": "close_after_acceptance"},
    "half an answer": {"effect": "half_answer"},
    "late": {"effect": "delay_after_acceptance", "ms": 3000},
    "drip": {"effect": "drip", "ms": 100},
    "redirect before": {"effect": "redirect_307"},
    "redirect after": {"effect": "redirect_307", "after": True},
    "too many": {"effect": "rate_limit"},
    "refused": {
        "effect": "status_400_before_acceptance",
        "error_type": "OrderException",
        "message": "Not now.",
    },
}


class KiteDesk(PaperAccount):
    """An account at the paper exchange, with the exchange's truth and its faults."""

    environment = "paper"

    @property
    def api_secret(self):
        return self.facts["api_secret"]

    @property
    def password(self):
        return self.facts["password"]

    def code(self):
        return pyotp.TOTP(self.facts["totp_secret"]).now()

    @cached_property
    def last(self):
        return self.broker.ltp([KEY])[KEY]

    @cached_property
    def impatient(self):
        return self.adapter(patience=0.15)

    @cached_property
    def far_below(self):
        return self.near(self.last * Decimal("0.95"))

    def near(self, price):
        """Round to a price that the exchange takes."""
        return price.quantize(Decimal(1), ROUND_HALF_UP)

    def new_tag(self):
        return f"C{next(numbers)}"

    def truth(self, tag):
        return self.count(tag)

    def stranger(self):
        """Make an adapter that is not logged in."""
        return self.adapter(access_token="")

    def log_in(self, url):
        """Log in as a person does, in the exchange's own pages."""
        with httpx.Client(base_url=self.exchange.url, trust_env=False) as browser:
            place = url
            given = {"user_id": self.user_id, "password": self.password}
            first = browser.post("/api/login", data=given).json()["data"]
            browser.post(
                "/api/twofa",
                data={
                    "user_id": self.user_id,
                    "request_id": first["request_id"],
                    "twofa_value": self.code(),
                    "twofa_type": first["twofa_type"],
                },
            )
            while not place.startswith(HOME):
                place = browser.get(place).headers["location"]
        back = parse_qs(urlsplit(place).query)
        return back["request_token"][0], back["state"][0]

    def end_sessions(self):
        self.break_any("expire_tokens", user_id=self.user_id)

    def new_session(self):
        wanted = {"user_id": self.user_id, "api_key": self.facts["api_key"]}
        return self.exchange.control("POST", "sessions", wanted)["access_token"]

    def hold(self, symbol, quantity):
        row = {
            "exchange": "NSE",
            "tradingsymbol": symbol,
            "quantity": quantity,
            "average_price": "3000",
        }
        self.exchange.control("POST", "holdings", {"user_id": self.user_id, "holdings": [row]})

    def future(self):
        with self.broker.instruments("NFO") as rows:
            return min(
                (one for one in rows if one.kind == "FUT" and one.name == "NIFTY"),
                key=lambda one: one.expiry,
            )

    def price_of(self, instrument):
        key = f"{instrument.exchange}:{instrument.symbol}"
        return self.near(self.broker.ltp([key])[key] * Decimal("0.95"))

    def break_call(self, call, fault, *, count=1, **more):
        if fault in FAULTS:
            rule = FAULTS[fault]
        else:
            status, body, when = fault.split()
            rule = {"effect": f"status_{status}_{when}_acceptance", "body": body}
        route = ROUTES.get(call, call)
        self.break_any(**rule, route=route, user_id=self.user_id, count=count, **more)

    def break_any(self, effect, **more):
        self.exchange.control("POST", "faults", {"rules": [{"effect": effect, **more}]})

    def whole(self):
        self.exchange.control("DELETE", "faults")


@pytest.fixture
def desk(exchange, kite):
    desk = KiteDesk(exchange, kite, redirect_url=HOME, cash="5000000")
    yield desk
    desk.whole()


class TestOrdersAtPaper(OrdersContract):
    """Sessions and orders, by Kite's adapter."""


class TestReadsAtPaper(ReadsContract):
    """Everything that is read, by Kite's adapter."""
