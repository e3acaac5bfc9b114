"""Make the first owner of a new desk."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from accounts.people import make_first_owner


class Command(BaseCommand):
    help = (
        "Makes the owner of a desk that has nobody yet, with a random password in first-login.txt."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if make_first_owner():
            self.stdout.write(f"The first log-in stands in {settings.HOME.first_login}")
        else:
            self.stdout.write("There are people already: nothing to do.")
