"""The exchange's time: the wall clock, shifted, stretched or stopped by the control API."""

import time
from dataclasses import dataclass

NS_IN_MS = 1_000_000
CLOSE = 1_000  # milliseconds


def wall_ms() -> int:
    return time.time_ns() // NS_IN_MS


@dataclass(slots=True)
class Clock:
    """Milliseconds since the epoch that never go backwards."""

    started: int
    speed: float
    anchor: int
    newest: int

    @classmethod
    def starting(cls, at: int, speed: float) -> "Clock":
        """A clock that goes on from a moment; at speed 0 it waits to be moved by hand."""
        return cls(started=at, speed=speed, anchor=wall_ms(), newest=at)

    def now(self) -> int:
        passed = (wall_ms() - self.anchor) * self.speed
        self.newest = max(self.newest, self.started + int(passed))
        return self.newest

    @property
    def is_shifted(self) -> bool:
        """Whether this is another time than the wall's."""
        return self.speed != 1 or self.now() - wall_ms() > CLOSE

    def move(self, at: int | None, speed: float | None) -> None:
        """Jump forwards, change pace, or both."""
        self.started = self.now() if at is None else at
        self.newest = max(self.newest, self.started)
        self.anchor = wall_ms()
        if speed is not None:
            self.speed = speed

    def seconds_until(self, at: int) -> float | None:
        """How long the wall has to wait for this moment; None if it never comes."""
        left = at - self.now()
        if left <= 0:
            return 0.0
        return left / 1000 / self.speed if self.speed else None
