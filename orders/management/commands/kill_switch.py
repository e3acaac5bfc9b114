"""Stop trading from the command line: it needs the database alone, no page and no Redis."""

import getpass
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from orders.engine import switch
from orders.engine.models import KillSwitch, StopLevel
from orders.listing import chosen
from tradedesk.commands import JsonCommand
from tradedesk.times import IST, iso


class Command(JsonCommand):
    help = (
        "Stops trading: L1 entries of one account, L2 entries of all, L3 everything. `off` releases, for one "
        "account with --account, else all, and wants a --reason, too; `status` lists what is pressed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("action", choices=["on", "off", "status"])
        parser.add_argument("--level", choices=StopLevel.values)
        parser.add_argument("--account", metavar="CODE")
        parser.add_argument("--reason", default="", metavar="TEXT")
        parser.add_argument("--until", default="", metavar="2026-11-23T15:30", help="Indian time")

    def handle(self, *args: Any, **options: Any) -> None:
        who = f"{getpass.getuser()} at the shell"
        if options["action"] == "on":
            self.press(who, options)
        elif options["action"] == "off":
            why = options["reason"].strip()
            if not why:
                raise CommandError("Say --reason TEXT, for the record.")
            released = switch.release(self.pressed(options), who=who, why=why)
            if not released:
                raise CommandError("Nothing of that is pressed.")
        stops = [facts(one) for one in switch.active(timezone.now())]
        lines = [
            f"{one['level']}  {one['account'] or 'all'}  {one['since']}  {one['who']}: {one['reason']}"
            for one in stops
        ]
        self.answer(stops, text="\n".join(lines) or "Nothing is stopped.", as_json=options["json"])

    def press(self, who: str, options: dict[str, Any]) -> None:
        level = options["level"]
        if level is None or not options["reason"].strip():
            raise CommandError("Say --level L1, L2 or L3, and --reason TEXT.")
        if (level == StopLevel.L1) != bool(options["account"]):
            raise CommandError("L1 stops one account: name it with --account. L2 and L3 stop all.")
        account = chosen([options["account"]])[0] if options["account"] else None
        until = moment(options["until"])
        switch.press(level, why=options["reason"], who=who, account=account, until=until)

    def pressed(self, options: dict[str, Any]) -> Any:
        stops = switch.active(timezone.now())
        if options["account"]:
            stops = stops.filter(account=chosen([options["account"]])[0])
        return stops.filter(level=options["level"]) if options["level"] else stops


def moment(text: str) -> datetime | None:
    """Read a moment of Indian time that is still to come."""
    if not text:
        return None
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise CommandError(f"--until {text}: write it like 2026-11-23T15:30, Indian time.")
    at = found if found.tzinfo else found.replace(tzinfo=IST)
    if why := switch.why_not_until(at, timezone.now()):
        raise CommandError(f"--until {text}: {why}")
    return at


def facts(stop: KillSwitch) -> dict[str, Any]:
    return {
        "level": stop.level,
        "account": stop.account.code if stop.account else None,
        "reason": stop.why,
        "who": stop.who,
        "since": iso(stop.at),
        "until": iso(stop.until) if stop.until else None,
    }
