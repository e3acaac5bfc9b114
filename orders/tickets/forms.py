"""The form of a ticket: from what a trader typed, on the page or the command line, to a Ticket."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.brokers.words import OrderType, Product, Side, Validity, Variety
from orders import strategies
from orders.tickets.checking import check
from orders.tickets.facts import Facts
from orders.tickets.problems import Problem, Severity, listed, refusals
from orders.tickets.ticket import Ticket
from orders.tickets.typed import (
    LONGEST,
    Unreadable,
    read_number,
    read_protection,
    read_whole,
)

ASKED = tuple(product for product in Product if product != Product.CO)
LONGEST_KEY = 80
HOW_MANY = {"required": "Type how many."}


class TypedField(forms.Field):
    """A number as it is typed."""

    def __init__(
        self, read: Callable[[str], Any], *, required: bool = False, **options: Any
    ) -> None:
        self.read = read
        attributes = {"inputmode": "decimal", "autocomplete": "off", "maxlength": str(LONGEST)}
        widget = forms.TextInput(attrs=attributes)
        super().__init__(required=required, widget=widget, **options)

    def to_python(self, value: Any) -> Any:
        text = "" if value is None else str(value)
        if not text.strip():
            return None
        try:
            return self.read(text)
        except Unreadable as error:
            raise ValidationError(str(error), code="unreadable") from None


class WordField[W: StrEnum](forms.Field):
    """One of a few words, in capitals or not."""

    def __init__(self, words: Iterable[W], *, usual: W | None = None) -> None:
        self.words = {word.upper(): word for word in words}
        self.usual = usual
        choices = [(str(word), str(word)) for word in self.words.values()]
        widget = forms.Select(choices=choices)
        super().__init__(required=usual is None, widget=widget, initial=usual)

    def to_python(self, value: Any) -> W | None:
        text = "" if value is None else str(value).strip()
        if not text:
            return self.usual
        if text.upper() not in self.words:
            offered = listed([str(word) for word in self.words.values()])
            raise ValidationError(f"Choose {offered}.", code="unknown")
        return self.words[text.upper()]


class InstrumentField(forms.Field):
    """EXCHANGE:SYMBOL. Whether there is such a thing, the rules know."""

    def to_python(self, value: Any) -> tuple[str, str] | None:
        text = "" if value is None else str(value).strip()
        if not text:
            return None
        exchange, colon, symbol = (part.strip() for part in text.upper().partition(":"))
        if not (exchange and colon and symbol and text.isprintable() and len(text) <= LONGEST_KEY):
            raise ValidationError("Name an instrument as NSE:INFY.", code="unnamed")
        return exchange, symbol


class StrategyField(forms.CharField):
    """The code of a strategy, or none."""

    def to_python(self, value: Any) -> str:
        try:
            return strategies.check(super().to_python(value) or "")
        except strategies.BadStrategy as error:
            raise ValidationError(str(error), code="unreadable") from None


class JudgedForm(forms.Form):
    """A form whose terms are looked over: each refusal then stands beside the field it is about."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.problems: list[Problem] = []

    def take(self, problems: list[Problem]) -> bool:
        """Put what was found beside its fields; tell whether the terms may be sent."""
        self.problems = problems
        for problem in refusals(self.problems):
            self.add_error(shown_at(problem), ValidationError(problem.text, code=problem.rule))
        return not refusals(self.problems)

    @property
    def warnings(self) -> list[Problem]:
        return [one for one in self.problems if one.severity == Severity.WARNS]

    @property
    def notes(self) -> list[Problem]:
        return [one for one in self.problems if one.severity == Severity.NOTE]


class TicketForm(JudgedForm):
    """Typed terms become a Ticket, and judge() looks it over."""

    instrument = InstrumentField(error_messages={"required": "Choose an instrument."})
    side = WordField(Side)
    quantity = TypedField(read_whole, required=True, error_messages=HOW_MANY)
    order_type = WordField(OrderType)
    price = TypedField(read_number)
    trigger_price = TypedField(read_number)
    product = WordField(ASKED)
    validity = WordField(Validity, usual=Validity.DAY)
    validity_minutes = TypedField(read_whole)
    variety = WordField(Variety, usual=Variety.REGULAR)
    protection = TypedField(read_protection)
    disclosed_quantity = TypedField(read_whole)
    iceberg_legs = TypedField(read_whole)
    iceberg_quantity = TypedField(read_whole)
    autoslice = forms.BooleanField(required=False)
    auction_number = forms.CharField(required=False, max_length=20)
    strategy = StrategyField(required=False)  # no term of the order: it goes into the tag

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.read: Ticket | None = None
        self.strategy_code = ""

    def clean(self) -> dict[str, Any] | None:
        if not self.errors:
            terms = dict(self.cleaned_data)
            exchange, symbol = terms.pop("instrument")
            auction = terms.pop("auction_number") or None
            self.strategy_code = terms.pop("strategy")
            self.read = Ticket(exchange=exchange, symbol=symbol, auction_number=auction, **terms)
        return super().clean()

    @property
    def ticket(self) -> Ticket:
        """Give what the fields say, also when judge() refused it; where one cannot be read there is none."""
        self.is_valid()
        if self.read is None:
            raise ValueError("the form could not be read")
        return self.read

    def judge(self, facts: Facts) -> bool:
        """Look the ticket over; tell whether it may be sent."""
        return self.take(check(self.ticket, facts))


def shown_at(problem: Problem) -> str:
    """Tell beside which input it stands: exchange and symbol are one."""
    return "instrument" if problem.field in {"exchange", "symbol"} else problem.field


def typed(ticket: Ticket) -> dict[str, str]:
    """Write a ticket as the form would be filled in, for a page that starts from one."""
    terms = ticket.canonical()
    return {"instrument": f"{terms.pop('exchange')}:{terms.pop('symbol')}", **terms}
