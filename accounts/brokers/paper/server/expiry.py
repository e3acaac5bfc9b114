"""The ragged death of tokens: quotes first, then history, orders, and at last the rest."""

from dataclasses import dataclass, field
from typing import Final

# The order in which classes of routes stop honouring a token that is about to die.
STAGES: Final = ("quote", "historical", "order")
MINUTE: Final = 60_000
DAY: Final = 24 * 60 * MINUTE
IST_OFFSET: Final = 330 * MINUTE
# Seen in the wild: the first refusals at about 05:20, the flush itself at 06:00.
DAILY_FROM: Final = (5 * 60 + 20) * MINUTE
DAILY_STEP: Final = 13 * MINUTE
DAILY_TO: Final = 6 * 60 * MINUTE


def is_dead(kind: str, passed: float, step: float) -> bool:
    """Whether this class of routes is dead so long after the dying began."""
    return kind in STAGES and passed >= STAGES.index(kind) * step


@dataclass(slots=True)
class Ragged:
    """Whose tokens are dying, by exchange rule or by a fault."""

    daily: bool = False
    dying: dict[str, tuple[float, float]] = field(default_factory=dict)  # user → (since, step)

    def begin(self, user: str, now: float, step: float) -> float:
        """Start the dying of one user's tokens, or all; how long until they are gone."""
        self.dying[user] = (now, step)
        return step * len(STAGES)

    def finish(self, user: str) -> None:
        self.dying.pop(user, None)

    def refuses(self, user: str, kind: str, *, now: float, at: int) -> bool:
        """Whether a call of this class is refused, by the wall's time and the exchange's."""
        for whose in (user, ""):
            if whose in self.dying:
                since, step = self.dying[whose]
                if is_dead(kind, now - since, step):
                    return True
        if not self.daily:
            return False
        of_day = (at + IST_OFFSET) % DAY
        return DAILY_FROM <= of_day < DAILY_TO and is_dead(kind, of_day - DAILY_FROM, DAILY_STEP)
