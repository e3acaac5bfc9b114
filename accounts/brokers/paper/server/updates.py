"""Order news on its way out: to the sockets of the user and to the app's postback address."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from accounts.brokers.paper.engine import Event

from .faults import Faults
from .postbacks import Postbacks
from .sockets import Hub

# A reordered update waits for the next one, but not for ever.
HELD_SECONDS: Final = 5.0


@dataclass(slots=True)
class Updates:
    """Passes order updates on, after the faults have had their way with them."""

    hub: Hub
    postbacks: Postbacks
    faults: Faults
    held: dict[str, list[Event]] = field(default_factory=dict)

    def order(self, event: Event) -> None:
        user = event.user
        if self.faults.rules and self.faults.hits_socket("withhold_updates", user):
            return
        if self.faults.rules and self.faults.hits_socket("reorder_updates", user):
            self.hold(event)
            return
        self.send(event)
        if self.faults.rules and self.faults.hits_socket("duplicate_updates", user):
            self.send(event)
        self.release(user)

    def hold(self, event: Event) -> None:
        """Keep an update back until a later one has overtaken it."""
        self.held.setdefault(event.user, []).append(event)
        asyncio.get_running_loop().call_later(HELD_SECONDS, self.release, event.user)

    def release(self, user: str) -> None:
        for event in reversed(self.held.pop(user, [])):
            self.send(event)

    def send(self, event: Event) -> None:
        payload: dict[str, Any] = event.data
        self.hub.tell(event.user, "order", payload)
        self.postbacks.post(event)
