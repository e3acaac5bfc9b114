"""The process beside the pages: it looks after what leaves for the brokers."""

import signal
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from orders.engine.runner import Runner
from tradedesk import pulse


class Command(BaseCommand):
    help = "Looks after orders until it is stopped; any number of these may run."

    def handle(self, *args: Any, **options: Any) -> None:
        runner = Runner()

        def stop(number: int, frame: FrameType | None) -> None:
            pulse.stopping.set()
            runner.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        pulse.start("stream")
        runner.run()
