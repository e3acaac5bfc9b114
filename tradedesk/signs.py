"""Being told to stop by a signal."""

import os
import select
from contextlib import suppress


class StopSign:
    """What a signal's handler may set and the process wait for.

    It is no threading.Event: a handler runs amid what its thread does, and where that is the Event's own
    waiting, with its lock in hand, setting it waits for itself for ever.
    """

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)

    def set(self) -> None:
        with suppress(BlockingIOError):  # it is full of earlier ones
            os.write(self.writer, b".")

    def wait(self, seconds: float | None = None) -> bool:
        """Wait so long for it; tell whether it is set. Once set, it stays so."""
        return bool(select.select([self.reader], [], [], seconds)[0])
