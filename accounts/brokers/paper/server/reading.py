"""Turning what arrives as text into typed values, or refusing it in the documented way."""

import json
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import parse_qsl

from accounts.brokers.paper.engine import Refusal

from .messages import Request

LONGEST_TEXT: Final = 512
LONGEST_JSON: Final = 256 * 1024
MOST_FIELDS: Final = 5_000
MOST_DIGITS: Final = 12
# Clients print floats; digits beyond these are binary noise, not a price.
PLACES: Final = Decimal("0.000001")


def missing(name: str) -> Refusal:
    return Refusal(f"Missing `{name}`.")


def invalid(name: str) -> Refusal:
    return Refusal(f"Invalid `{name}`.")


def read_json(text: str | bytes, name: str) -> Any:
    """A JSON value; NaN and its kind are not numbers here."""
    if len(text) > LONGEST_JSON:
        raise invalid(name)
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        raise invalid(name) from None


def read_form(request: Request) -> list[tuple[str, str]]:
    """The fields of the body: a form, or a flat JSON object for those who send one."""
    if request.kind == "application/json":
        body = read_json(request.body, "body")
        if not isinstance(body, dict):
            raise Refusal("The body must be an object.")
        return [(name, as_text(value)) for name, value in body.items() if value is not None]
    try:
        text = request.body.decode("utf-8")
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Refusal("The form could not be read.") from None


def as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)


def read_query(request: Request) -> list[tuple[str, str]]:
    try:
        return request.parameters()
    except ValueError:
        raise Refusal("The query could not be read.") from None


def to_decimal(raw: str, name: str) -> Decimal:
    try:
        value = Decimal(raw.strip())
    except InvalidOperation:
        raise invalid(name) from None
    # Looked at by its exponent: arithmetic itself fails on the largest of them.
    if not value.is_finite() or value.adjusted() >= MOST_DIGITS:
        raise invalid(name)
    return value.quantize(PLACES, ROUND_HALF_UP)


def money(value: Decimal) -> str:
    """A decimal as the journal keeps it: plain digits, no trailing zeros."""
    text = f"{value:f}".rstrip("0").rstrip(".") if value else "0"
    return "0" if text in {"-0", ""} else text


@dataclass(frozen=True, slots=True)
class Fields:
    """The parameters of a call, asked for by name and type."""

    values: dict[str, list[str]]

    @classmethod
    def of(cls, pairs: list[tuple[str, str]]) -> "Fields":
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            values.setdefault(name, []).append(value)
        return cls(values)

    def all(self, name: str) -> list[str]:
        return [self.checked(value, name) for value in self.values.get(name, [])]

    @staticmethod
    def checked(value: str, name: str, longest: int = LONGEST_TEXT) -> str:
        if len(value) > longest or not value.isprintable():
            raise invalid(name)
        return value

    def text(self, name: str, *, longest: int = LONGEST_TEXT) -> str:
        """A value that must be there."""
        value = self.maybe(name, longest=longest)
        if value == "":
            raise missing(name)
        return value

    def maybe(self, name: str, usual: str = "", *, longest: int = LONGEST_TEXT) -> str:
        found = self.values.get(name)
        return self.checked(found[0], name, longest).strip() or usual if found else usual

    def choice(self, name: str, allowed: frozenset[str], usual: str = "") -> str:
        value = self.maybe(name, usual)
        if not value:
            raise missing(name)
        if value not in allowed:
            raise invalid(name)
        return value

    def whole(self, name: str, *, lowest: int = 0) -> int:
        """A whole number that must be there; clients may print it as 10.0."""
        raw = self.text(name)
        value = to_decimal(raw, name)
        if value != value.to_integral_value() or value < lowest:
            raise invalid(name)
        return int(value)

    def maybe_whole(self, name: str, *, lowest: int = 0) -> int | None:
        return self.whole(name, lowest=lowest) if self.maybe(name) else None

    def price(self, name: str) -> str:
        value = to_decimal(self.text(name), name)
        if value < 0:
            raise invalid(name)
        return money(value)

    def maybe_price(self, name: str) -> str | None:
        return self.price(name) if self.maybe(name) else None

    def maybe_signed(self, name: str) -> str | None:
        return money(to_decimal(self.maybe(name), name)) if self.maybe(name) else None

    def flag(self, name: str) -> bool:
        """Truth in any letter case: Python sends True, Go and JavaScript true."""
        return self.maybe(name).lower() in {"1", "true", "yes"}

    def json(self, name: str) -> Any:
        found = self.values.get(name)
        if not found or not found[0]:
            raise missing(name)
        return read_json(found[0], name)
