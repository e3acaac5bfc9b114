"""Run the official ticker for a while and print what it says, a line of JSON an event.

Its reactor can run once in a process, so every run is a process of its own.
"""

import json
import sys
from typing import Any

from kiteconnect import KiteTicker
from twisted.internet import reactor

settings = json.loads(sys.argv[1])
begun: list[str] = []
ticker = KiteTicker(settings["api_key"], settings["access_token"], root=settings["root"])


def tell(kind: str, **more: Any) -> None:
    sys.stdout.write(json.dumps({"kind": kind, **more}, default=str) + "\n")
    sys.stdout.flush()


def connected(ws: Any, _: Any) -> None:
    if not begun:
        begun.append("the time runs from the first connection, however slow the machine")
        reactor.callLater(settings["seconds"], ticker.stop)
    tell("connect")
    for mode, tokens in settings["modes"].items():
        ws.subscribe(tokens)
        ws.set_mode(mode, tokens)


ticker.on_connect = connected
ticker.on_ticks = lambda _, ticks: tell("ticks", ticks=ticks)
ticker.on_order_update = lambda _, order: tell("order", order=order)
ticker.on_message = lambda _, payload, binary: tell("message", size=len(payload), binary=binary)
ticker.on_error = lambda _, code, reason: tell("error", code=code, reason=str(reason))
ticker.on_close = lambda _, code, reason: tell("close", code=code, reason=str(reason))
ticker.on_reconnect = lambda _, count: tell("reconnect", count=count)
reactor.callLater(settings["seconds"] + 10, ticker.stop)
ticker.connect()
