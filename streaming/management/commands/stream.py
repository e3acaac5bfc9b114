"""The process beside the pages: it looks after what leaves for the brokers."""

import signal
import threading
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from orders.engine.runner import Runner
from tradedesk import pulse
from tradedesk.signs import StopSign


class Command(BaseCommand):
    help = "Looks after orders until it is stopped; any number of these may run."

    def handle(self, *args: Any, **options: Any) -> None:
        runner, sign = Runner(), StopSign()

        def on_signal(number: int, frame: FrameType | None) -> None:
            sign.set()

        def stop() -> None:
            sign.wait()
            pulse.stopping.set()
            runner.stop()

        signal.signal(signal.SIGTERM, on_signal)
        signal.signal(signal.SIGINT, on_signal)
        threading.Thread(target=stop, daemon=True).start()
        pulse.start("stream")
        runner.run()
