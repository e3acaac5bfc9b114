"""Make the first owner of a new desk."""

import json
import os
import stat
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from accounts.people import make_first_owner


class Command(BaseCommand):
    help = (
        "Makes the owner of a desk that has nobody yet, with a random password in first-login.txt."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        owner = make_first_owner()
        if os.environ.get("TRADEDESK_DESK") == "1" and stat.S_ISFIFO(os.fstat(1).st_mode):
            # The desk reads this; a terminal or a log never sees the password.
            facts = {"created": owner is not None, "email": None, "password": None}
            sys.stdout.write(json.dumps(facts | (owner or {})) + "\n")
        elif owner:
            self.stdout.write(f"The first log-in stands in {settings.HOME.first_login}")
        else:
            self.stdout.write("There are people already: nothing to do.")
