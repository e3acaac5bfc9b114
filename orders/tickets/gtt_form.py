"""The form of a trigger (GTT): from what a trader typed to a GttRequest."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError

from accounts.brokers.types import GttLeg, GttRequest
from accounts.brokers.words import GttKind, Side
from orders.tickets.facts import Facts
from orders.tickets.forms import (
    ASKED,
    HOW_MANY,
    InstrumentField,
    JudgedForm,
    TypedField,
    WordField,
)
from orders.tickets.problems import Fix, Problem
from orders.tickets.ticket import written
from orders.tickets.triggers import LEGS, check_gtt
from orders.tickets.typed import read_number, read_whole

OF_BOTH = frozenset({"quantity", "product"})  # a stop and a target share these
PRICES = {"trigger": "Enter the price that it waits for.", "price": "Enter the price of its order."}


class GttForm(JudgedForm):
    """Typed terms become a GttRequest. Both legs of two have the same side, quantity and product."""

    instrument = InstrumentField(error_messages={"required": "Choose an instrument."})
    side = WordField(Side)
    kind = WordField(GttKind)
    quantity = TypedField(read_whole, required=True, error_messages=HOW_MANY)
    product = WordField(ASKED)
    trigger = TypedField(read_number)
    price = TypedField(read_number)
    stop_trigger = TypedField(read_number)
    stop_price = TypedField(read_number)
    target_trigger = TypedField(read_number)
    target_price = TypedField(read_number)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.read: GttRequest | None = None

    def clean(self) -> dict[str, Any] | None:
        terms = self.cleaned_data
        names = LEGS[terms["kind"]] if "kind" in terms else ()
        has_triggers = all(terms.get(f"{leg}trigger") is not None for leg in names)
        if not self.errors and has_triggers:
            # Where a price is still to come, the trigger can be looked over all the same.
            like = {f"{leg}price": terms[f"{leg}trigger"] for leg in names}
            given = {name: value for name, value in terms.items() if value is not None}
            self.read = request_from(like | given)
        for leg in names:
            for name, text in PRICES.items():
                if leg + name not in self.errors and terms.get(leg + name) is None:
                    self.add_error(leg + name, ValidationError(text, code="required"))
        return super().clean()

    @property
    def request(self) -> GttRequest:
        """Give what the fields say; the last price is not among them."""
        self.is_valid()
        if self.read is None:
            raise ValueError("the form could not be read")
        return self.read

    def judge(self, facts: Facts) -> bool:
        """Look the trigger over; tell whether it may be sent."""
        return self.take(problems_of(self.request, facts))


def request_from(terms: dict[str, Any]) -> GttRequest:
    names = LEGS[terms["kind"]]
    exchange, symbol = terms["instrument"]
    return GttRequest(
        kind=terms["kind"],
        exchange=exchange,
        symbol=symbol,
        triggers=tuple(terms[f"{name}trigger"] for name in names),
        last_price=Decimal(0),
        legs=tuple(
            GttLeg(
                side=terms["side"],
                quantity=terms["quantity"],
                product=terms["product"],
                price=terms[f"{name}price"],
            )
            for name in names
        ),
    )


def problems_of(request: GttRequest, facts: Facts) -> list[Problem]:
    """Look a trigger over; what is wrong with both legs alike is said once."""
    found = {(one.field, one.text): one for one in map(shared, check_gtt(request, facts))}
    return list(found.values())


def shared(problem: Problem) -> Problem:
    """Put a problem of one leg beside the field that both have."""
    fixes = tuple(
        Fix(text=fix.text, changes={field_of(name): value for name, value in fix.changes.items()})
        for fix in problem.fixes
    )
    return replace(problem, field=field_of(problem.field), fixes=fixes)


def field_of(name: str) -> str:
    plain = name.removeprefix("stop_").removeprefix("target_")
    return plain if plain in OF_BOTH else name


def typed_gtt(request: GttRequest) -> dict[str, str]:
    """Write a trigger as the form would be filled in."""
    leg = request.legs[0]
    return {
        "instrument": f"{request.exchange}:{request.symbol}",
        "side": leg.side,
        "kind": request.kind,
        "quantity": str(leg.quantity),
        "product": leg.product,
        **dict(typed_prices(request)),
    }


def typed_prices(request: GttRequest) -> Iterator[tuple[str, str]]:
    for name, trigger, leg in zip(LEGS[request.kind], request.triggers, request.legs, strict=True):
        yield f"{name}trigger", written(trigger)
        yield f"{name}price", written(leg.price)
