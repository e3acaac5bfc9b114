"""What a desk needs before its parts start."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from tradedesk import pulse


class Command(BaseCommand):
    help = "Migrates the database, collects the static files and makes the first owner; changes nothing twice."

    def handle(self, *args: Any, **options: Any) -> None:
        with pulse.connection() as redis:
            redis.ping()  # without it no part would ever be ready
        call_command("migrate", verbosity=options["verbosity"], interactive=False)
        call_command("collectstatic", verbosity=0, interactive=False)
        call_command("first_owner")
