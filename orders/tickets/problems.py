"""What is wrong with a ticket, in the trader's words, with the ways out of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from orders.tickets.ticket import Ticket, written


class Severity(StrEnum):
    """What a problem does to the ticket."""

    REFUSES = "refuses"  # it is not sent
    WARNS = "warns"  # it may be sent; the trader should look
    NOTE = "note"  # a rule that could not be applied


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """A change to the ticket after which this rule has nothing to say."""

    text: str  # as it stands behind "Use": 1,012.50
    changes: Mapping[str, object]

    def of(self, ticket: Ticket) -> Ticket:
        return replace(ticket, **self.changes)  # type: ignore[arg-type]

    @property
    def values(self) -> dict[str, str]:
        """Tell what to enter into which field of the form."""
        return {name: written(value) for name, value in self.changes.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing about a ticket; `text` holds the cause and then what to do."""

    rule: str
    field: str
    text: str
    fixes: tuple[Fix, ...] = ()
    severity: Severity = Severity.REFUSES


EMPTY = "Leave it empty."


def refused(
    rule: str, field: str, cause: str, fixes: Iterable[Fix] = (), *, how: str = ""
) -> Problem:
    """Refuse with a cause; the way out is `how`, or the fixes themselves."""
    ways = tuple(fixes)
    out = how or (f"Use {listed([one.text for one in ways])}." if ways else "")
    return Problem(rule=rule, field=field, text=f"{cause} {out}".strip(), fixes=ways)


def noted(rule: str, field: str, text: str) -> Problem:
    """Say that a rule was left out."""
    return Problem(rule=rule, field=field, text=text, severity=Severity.NOTE)


def refusals(problems: Iterable[Problem]) -> list[Problem]:
    """Keep what stops a ticket."""
    return [problem for problem in problems if problem.severity == Severity.REFUSES]


def listed(words: Sequence[str], last: str = "or") -> str:
    """Write a, b or c."""
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
