"""Finding an instrument from what a trader types: "infy", "tata mot", "nifty jan fut", "NIFTY 24500 CE".

Three ways, each answered by an index: shares and indices by the beginning of their symbol, then by
the beginnings of the words of their name; contracts by what they are written on, then word by word.
Words are letters and digits alone, so nothing that was typed means anything to the database.
"""

from typing import Any

from django.utils import timezone

from orders.instruments.models import Instrument
from orders.instruments.spelling import corrected
from orders.instruments.standing import standing
from orders.instruments.words import EXCHANGES, asked, compact, is_month, is_number

MOST = 100
FAMILIES = 40  # underlyings that a beginning may stand for
RANKS = "array_position(ARRAY['NSE','BSE','NFO','BFO','MCX','CDS'], exchange::text)"
SHARES_FIRST = f"has_contracts DESC, kind <> 'INDEX', {RANKS} NULLS LAST, length(compact), compact"


def search(text: str, *, master: str, limit: int = 20) -> list[Instrument]:
    """Find listed instruments: exact symbols, shares and indices, then contracts, the nearest first."""
    limit = min(max(limit, 0), MOST)
    words = asked(text)
    exchange = ""
    if len(words) > 1:
        exchange = next((word for word in words if word in EXCHANGES), "")
        words = [word for word in words if word != exchange]
    if not words or not limit:
        return []
    found = Question(master, exchange, words, limit).answer()
    if not found:
        meant = corrected(words, master)
        if meant != words:
            found = Question(master, exchange, meant, limit).answer()
    if not found:
        standing(master, at=timezone.now()).ensure()
    return found


class Question:
    """One search, its words already read."""

    def __init__(self, master: str, exchange: str, words: list[str], limit: int) -> None:
        self.master, self.exchange, self.limit = master, exchange, limit
        self.words = words
        self.symbol = compact("".join(words))[:64]

    def answer(self) -> list[Instrument]:
        """Put shares and indices first, but let them not crowd out every contract."""
        cash = self.cash()
        exact = [row for row in cash if row.compact == self.symbol]
        rest = [row for row in cash if row.compact != self.symbol]
        contracts = self.contracts()
        exact += [row for row in contracts if row.compact == self.symbol]
        contracts = [row for row in contracts if row.compact != self.symbol]
        kept = min(len(contracts), self.limit // 3)
        return [*exact, *rest[: max(self.limit - kept - len(exact), 0)], *contracts][: self.limit]

    def cash(self) -> list[Instrument]:
        found = self.ask(
            "expiry IS NULL AND compact LIKE %s", [f"{self.symbol}%"],
            f"compact <> %s, {SHARES_FIRST}", [self.symbol],
        )  # fmt: skip
        # A single letter begins a word of every other name, and symbols enough.
        if len(found) < self.limit and len(self.symbol) > 1:
            lexemes = " & ".join(f"'{word}':*" for word in self.words)
            by_name = self.ask(
                "expiry IS NULL AND array_to_tsvector(string_to_array(words, ' ')) @@ %s::tsquery",
                [lexemes], SHARES_FIRST,
            )  # fmt: skip
            known = {row.pk for row in found}
            found += [row for row in by_name if row.pk not in known]
        return found[: self.limit]

    def contracts(self) -> list[Instrument]:
        head = head_of(self.words)
        if head:
            rest = list(self.words)
            rest.remove(head)
            found = self.of_families(head, rest)
        else:
            found = self.of_strike()
        if len(found) < self.limit and len(self.symbol) > 2 and any(map(str.isdigit, self.symbol)):
            known = {row.pk for row in found}
            by_symbol = self.ask(
                "expiry IS NOT NULL AND compact LIKE %s", [f"{self.symbol}%"],
                "compact <> %s, kind <> 'FUT', expiry, strike, compact", [self.symbol],
            )  # fmt: skip
            found += [row for row in by_symbol if row.pk not in known]
        return found[: self.limit]

    def of_families(self, head: str, rest: list[str]) -> list[Instrument]:
        """Find contracts on whatever begins so, at most a page of each."""
        if len(head) < 2:
            return []
        words, values = with_words(rest)
        exact, exact_values = exactly(rest)
        sql = (
            f"WITH RECURSIVE {FAMILY_NAMES} SELECT found.* FROM families CROSS JOIN LATERAL ("  # noqa: S608
            f"SELECT * FROM orders_instrument WHERE {self.listed} AND expiry IS NOT NULL "
            f"AND orders_instrument.family = families.family{words} "
            f"ORDER BY {exact}{NEAREST_FIRST} LIMIT %s) AS found "
            f"ORDER BY found.family <> %s, {exact}{NEAREST_FIRST} LIMIT %s"
        )
        families = [self.master, f"{head}%", self.master, f"{head}%", FAMILIES]
        listed = [self.master, *self.of_exchange, *values]
        order = [*exact_values, self.limit, head, *exact_values, self.limit]
        return list(Instrument.objects.raw(sql, [*families, *listed, *order]))

    def of_strike(self) -> list[Instrument]:
        """Find contracts where only a strike is told, with or without more."""
        strike = next((word for word in self.words if is_number(word)), "")
        if not strike:
            return []
        rest = [word for word in self.words if word != strike]
        words, values = with_words(rest)
        return self.ask(
            f"expiry IS NOT NULL AND strike = %s::numeric{words}", [strike, *values],
            "expiry, has_contracts DESC, kind, family",
        )  # fmt: skip

    @property
    def listed(self) -> str:
        return "master = %s AND is_active" + (" AND exchange = %s" if self.exchange else "")

    @property
    def of_exchange(self) -> list[str]:
        return [self.exchange] if self.exchange else []

    def ask(
        self, where: str, values: list[Any], order: str, order_values: list[Any] | None = None
    ) -> list[Instrument]:
        sql = f"SELECT * FROM orders_instrument WHERE {self.listed} AND {where} ORDER BY {order} LIMIT %s"  # noqa: S608
        values = [self.master, *self.of_exchange, *values, *(order_values or []), self.limit]
        return list(Instrument.objects.raw(sql, values))


NEAREST_FIRST = "(CASE WHEN kind = 'FUT' THEN 0 ELSE 1 END), expiry, strike, kind, exchange"
# The different underlyings under a beginning: from one to the next along the index, since reading
# every contract to tell its underlying would cost thousands of rows.
FAMILY_NAMES = """families (family, number) AS (
    (SELECT family, 1 FROM orders_instrument WHERE master = %s AND is_active AND expiry IS NOT NULL
     AND family LIKE %s ORDER BY family USING ~<~ LIMIT 1)
    UNION ALL
    SELECT (SELECT next.family FROM orders_instrument AS next WHERE next.master = %s
            AND next.is_active AND next.expiry IS NOT NULL AND next.family LIKE %s
            AND next.family ~>~ families.family ORDER BY next.family USING ~<~ LIMIT 1), number + 1
    FROM families WHERE families.family IS NOT NULL AND number < %s
)"""


def head_of(words: list[str]) -> str:
    """Pick the word that names the underlying: no number, no month, no kind, unless it stands first."""
    kinds = {"CE", "PE", "FUT"}
    named = [word for word in words if not is_number(word) and word not in kinds]
    return next((word for word in named if not is_month(word)), named[0] if named else "")


def with_words(words: list[str]) -> tuple[str, list[str]]:
    """Ask that each word begins a word of the contract."""
    return " AND ' ' || words LIKE %s" * len(words), [f"% {word}%" for word in words]


def exactly(words: list[str]) -> tuple[str, list[str]]:
    """Put first where more of the words are whole words: 24 NOV is a day before it is a strike."""
    if not words:
        return "", []
    counts = " + ".join(["(' ' || words || ' ' LIKE %s)::integer"] * len(words))
    return f"{counts} DESC, ".replace(counts, f"({counts})"), [f"% {word} %" for word in words]
