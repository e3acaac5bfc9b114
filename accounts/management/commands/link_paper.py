"""Link a paper account; the desk does so for its owner on the first start."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts import linking, logins, ways_in
from accounts.brokerage import BrokerAccount, Credentials
from accounts.brokers.errors import BrokerError
from accounts.models import User
from accounts.people import person
from tradedesk.asking import ask


class Command(BaseCommand):
    help = "Links a paper account to a person and logs it in."

    def add_arguments(self, parser: CommandParser) -> None:
        wanted = parser.add_mutually_exclusive_group(required=True)
        wanted.add_argument("--first", action="store_true", help="the desk's own first account")
        wanted.add_argument("--owner", help="open a new account for the person of this address")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["first"]:
                link_first()
                # A fresh desk would name contracts by their bare symbols until the list is due.
                # The worker fetches it where there is none or an old one; no start waits for it.
                ask("orders.tasks.sync_instruments_task", expires=120)
            else:
                account = linking.link_paper(owner=person(options["owner"]))
                self.stdout.write(f"{account.code}: {logins.state_of(account).value}")
        except BrokerError as error:
            raise CommandError(str(error)) from error


def link_first() -> None:
    """Link the account that the exchange opened for the desk, once, and see it logged in."""
    file = settings.PAPER_HOME / "first-account.txt"
    owner = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if owner is None or not file.exists():
        return
    opened = dict(line.split(": ", 1) for line in file.read_text().splitlines() if ": " in line)
    account = BrokerAccount.objects.filter(
        environment="paper", broker_user_id=opened["user_id"]
    ).first()
    if account is None:
        account = linking.keep_paper(owner=owner, opened=opened)
    # Empty after the encryption key was lost; the exchange's own note still has them.
    emptied = Credentials.objects.filter(account=account, api_secret__isnull=True)
    emptied.update(**linking.secrets_of(opened))
    if account.unlinked_at is None and not account.session.stands(timezone.now()):
        ways_in.by_counter(account)
