"""Which strategy an order belongs to, by its tag. What is not certain is none."""

import re
from collections.abc import Iterable, Mapping, Sequence

from accounts.brokerage import BrokerAccount
from accounts.brokers.errors import TradedeskError
from orders.engine.models import OrderAttempt
from orders.engine.store import ALPHABET, CODE_LENGTH, NO_STRATEGY

LONGEST = 3
# What other programs write: strategy_123, s123, and one word, a colon and the number.
WRITTEN = re.compile(r"(?:strategy_|s|[A-Za-z]+:)(?P<number>[0-9]{1,18})")
OURS = re.compile(rf"(?P<code>[0-9A-Z]{{1,{LONGEST}}})[{ALPHABET}]{{{CODE_LENGTH}}}")


class BadStrategy(TradedeskError):
    """No code of a strategy."""


def check(text: str) -> str:
    """Read the code of a strategy: it becomes part of each order's tag."""
    code = text.strip().upper()
    if len(code) > LONGEST or (code and not (code.isascii() and code.isalnum())):
        raise BadStrategy("A strategy's code is up to three letters or digits, such as MOM.")
    if code == NO_STRATEGY:
        raise BadStrategy(f"{NO_STRATEGY} marks orders without a strategy. Choose another code.")
    return code


def parse(tag: str) -> str:
    """Read the number of a strategy that somebody wrote into a tag."""
    found = WRITTEN.fullmatch(tag)
    return str(int(found["number"])) if found else ""


def ours(tag: str) -> str:
    """Read the code that stands before a tag of our making; others may look like one."""
    found = OURS.fullmatch(tag)
    return "" if found is None or found["code"] == NO_STRATEGY else found["code"]


def of_orders(account: BrokerAccount, tags: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Tell the strategy of each order from its tags: written there, or known since we sent it."""
    candidates = {tag for some in tags.values() for tag in some if not parse(tag) and ours(tag)}
    sent = OrderAttempt.objects.filter(task__account=account, tag__in=candidates)
    known = dict(sent.values_list("tag", "task__strategy")) if candidates else {}
    return {
        order_id: only({parse(tag) or known.get(tag, "") for tag in some} - {""})
        for order_id, some in tags.items()
    }


def only(found: Iterable[str]) -> str:
    """Two strategies on one order are none: which it is nobody can tell."""
    some = list(found)
    return some[0] if len(some) == 1 else ""
