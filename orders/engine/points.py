"""Where a process may die. Trials set `hook`; in the product nobody does, and a point is one comparison."""

from collections.abc import Callable

hook: Callable[[str], None] | None = None


def reached(name: str) -> None:
    """Pass a point by the name it has in the crash matrix."""
    if hook is not None:
        hook(name)
