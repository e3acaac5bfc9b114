"""Order news on its way out: to the sockets of the user and to the app's postback address."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from accounts.brokers.paper.engine import Event

from .faults import Faults
from .postbacks import Postbacks
from .sockets import Hub

# A reordered update lets the next one overtake it, but does not wait for it for long.
HELD_SECONDS: Final = 2.0


@dataclass(slots=True)
class Updates:
    """Passes order updates on, after the faults have had their way with them."""

    hub: Hub
    postbacks: Postbacks
    faults: Faults
    held: dict[str, Event] = field(default_factory=dict)  # one of a user, until it is overtaken

    def order(self, event: Event) -> None:
        user = event.user
        if self.faults.rules and self.faults.hits_socket("withhold_updates", user):
            return
        reordered = self.faults.rules and self.faults.hits_socket("reorder_updates", user)
        if reordered and user not in self.held:
            self.hold(event)
            return
        self.send(event)
        if self.faults.rules and self.faults.hits_socket("duplicate_updates", user):
            self.send(event)
        self.release(self.held.get(user))

    def hold(self, event: Event) -> None:
        """Keep an update back until the next one has overtaken it."""
        self.held[event.user] = event
        asyncio.get_running_loop().call_later(HELD_SECONDS, self.release, event)

    def release(self, event: Event | None) -> None:
        """Send an update that was kept back, unless that has been done."""
        if event is not None and self.held.get(event.user) is event:
            del self.held[event.user]
            self.send(event)

    def send(self, event: Event) -> None:
        payload: dict[str, Any] = event.data
        self.hub.tell(event.user, "order", payload)
        self.postbacks.post(event)
