"""Working something out once: a whole book is read often, and mostly nothing in it has changed."""

from collections.abc import Callable


class Memory[Given, Made]:
    """Makes one thing of another, anew only when what is given under a name differs from the last time."""

    def __init__(self, make: Callable[[Given], Made], *, most: int = 5_000) -> None:
        self.make = make
        self.most = most
        self.last: dict[str, tuple[Given, Made]] = {}

    def __call__(self, name: str, given: Given) -> Made:
        last = self.last.get(name)
        if last is not None and (last[0] is given or last[0] == given):
            return last[1]
        made = self.make(given)
        if len(self.last) >= self.most:
            self.last.clear()
        self.last[name] = given, made
        return made
