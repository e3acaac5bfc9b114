"""Log a paper account in."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts import logins
from accounts.brokerage import BrokerAccount
from accounts.brokers.errors import BrokerError
from tradedesk.commands import JsonCommand


class Command(JsonCommand):
    help = "Logs a paper account in."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("code", help="the account's code, as `accounts` lists it")

    def handle(self, *args: Any, **options: Any) -> None:
        account = BrokerAccount.objects.linked().filter(code=options["code"]).first()
        if account is None:
            raise CommandError(f"no account has the code {options['code']}")
        try:
            logins.log_in_paper(account)
        except BrokerError as error:
            raise CommandError(str(error)) from error
        state = logins.state_of(account).value
        facts = {"code": account.code, "state": state}
        self.answer(facts, text=f"{account.code}: {state}", as_json=options["json"])
