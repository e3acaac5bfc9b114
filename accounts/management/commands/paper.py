"""`manage.py paper`: the paper exchange as one process."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts.brokers.paper.options import add_arguments, read_options
from accounts.brokers.paper.server.run import run


class Command(BaseCommand):
    """Run the paper exchange; it needs neither database nor Redis."""

    help = "Run the paper exchange, which speaks Kite Connect."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(run(read_options(options)))
