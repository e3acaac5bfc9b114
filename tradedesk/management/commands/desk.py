"""Run the whole product on this machine."""

import ipaddress
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tradedesk.desk import CannotStart
from tradedesk.desk.parts import Options
from tradedesk.desk.supervisor import Desk
from tradedesk.home import Home


class Command(BaseCommand):
    help = "Sets everything up and runs the desk, with its own Postgres and Redis, until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=port, default=8000, help="where the pages are (8000)")
        parser.add_argument(
            "--paper-port", type=port, default=8100, help="where the paper exchange is (8100)"
        )
        parser.add_argument(
            "--home", default=str(settings.HOME.path), help="the folder of all it keeps (var)"
        )
        parser.add_argument(
            "--fresh",
            action="store_true",
            help="start with an empty home; the old one is kept beside it",
        )
        parser.add_argument(
            "--bind", default="127.0.0.1", help="the address to listen on (this machine only)"
        )
        parser.add_argument(
            "--tls", nargs=2, metavar=("CERTIFICATE", "KEY"), help="files for https"
        )
        parser.add_argument(
            "--plain-http",
            action="store_true",
            help="allow --bind without TLS: passwords cross the network readable",
        )

        parser.add_argument(
            "--accept-new-key",
            action="store_true",
            help="the old encryption key is lost: go on, what it sealed has to be set up again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = Options(
            home=Home.at(options["home"], Path.cwd()),
            bind=options["bind"],
            port=options["port"],
            paper_port=options["paper_port"],
            certificate=str(Path(options["tls"][0]).resolve()) if options["tls"] else "",
            private_key=str(Path(options["tls"][1]).resolve()) if options["tls"] else "",
            fresh=options["fresh"],
            accept_new_key=options["accept_new_key"],
        )
        check_address(chosen, plain=options["plain_http"])
        if chosen.certificate:
            os.environ["TRADEDESK_HTTPS"] = "on"
        try:
            Desk(chosen).run()
        except CannotStart as error:
            raise CommandError(str(error)) from error


def port(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 65535:
        raise ValueError(text)
    return number


def check_address(options: Options, *, plain: bool) -> None:
    """Refuse to show the desk to a network in clear."""
    try:
        address = ipaddress.ip_address(options.bind)
    except ValueError:
        raise CommandError(
            f"--bind {options.bind}: give an address of this machine, like 192.168.1.10"
        ) from None
    for file in filter(None, (options.certificate, options.private_key)):
        if not os.access(file, os.R_OK):
            raise CommandError(f"--tls: cannot read {file}")
    if address.is_loopback:
        return
    if not options.certificate and not plain:
        raise CommandError(
            "--bind to a network needs --tls CERTIFICATE KEY, or the flag --plain-http if you accept that "
            "passwords cross the network readable. A proxy with TLS in front is better: docs/production.md"
        )
    if not address.is_unspecified:
        hosts = os.environ.get("ALLOWED_HOSTS", "")
        os.environ["ALLOWED_HOSTS"] = ",".join(filter(None, [hosts, options.host]))
    elif not settings.ALLOWED_HOSTS[:-3]:
        raise CommandError(
            "--bind to every address needs ALLOWED_HOSTS: name the hosts people will type"
        )
