"""The ragged death of tokens on command: quotes first, then history, orders, then the rest."""

from dataclasses import dataclass, field
from typing import Final

# The order in which classes of routes stop honouring a token that is about to die.
STAGES: Final = ("quote", "historical", "order")


@dataclass(slots=True)
class Ragged:
    """Whose tokens are dying, since when, and how many seconds a stage lasts."""

    dying: dict[str, tuple[float, float]] = field(default_factory=dict)

    def begin(self, user: str, now: float, step: float) -> float:
        """Start the dying of one user's tokens, or all; how long until they are gone."""
        self.dying[user] = (now, step)
        return step * len(STAGES)

    def finish(self, user: str) -> None:
        self.dying.pop(user, None)

    def refuses(self, user: str, kind: str, now: float) -> bool:
        """Whether a call of this class is refused already."""
        if kind not in STAGES:
            return False
        lived = [self.dying[whose] for whose in (user, "") if whose in self.dying]
        return any(now - since >= STAGES.index(kind) * step for since, step in lived)
