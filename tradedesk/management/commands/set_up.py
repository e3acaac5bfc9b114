"""What a desk needs before its parts start."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts import keys
from orders.engine import partitions
from tradedesk import pulse


class Command(BaseCommand):
    help = "Migrates the database, collects the static files and makes the first owner; changes nothing twice."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--accept-new-key",
            action="store_true",
            help="the old encryption key is lost: go on, what it sealed has to be set up again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with pulse.connection() as redis:
            redis.ping()  # without it no part would ever be ready
        call_command("migrate", verbosity=options["verbosity"], interactive=False)
        try:
            if options["accept_new_key"]:
                keys.accept_new_key()
            keys.keep_proof()
        except keys.WrongKey as error:
            raise CommandError(str(error)) from error
        partitions.ensure(timezone.now())
        call_command("collectstatic", verbosity=0, interactive=False)
        call_command("first_owner")
