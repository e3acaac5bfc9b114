"""The paper exchange as a part of the desk: asked whether it is up, given its first account."""

import httpx

from accounts.brokers.paper.firstday import first_account
from tradedesk.desk import CannotStart
from tradedesk.desk.folders import keep
from tradedesk.desk.parts import Options


def is_ready(options: Options) -> bool:
    """Tell whether it answers."""
    try:
        httpx.get(options.paper_url, timeout=2, trust_env=False)
    except httpx.HTTPError:
        return False
    return True


def open_first_account(options: Options) -> None:
    """Open an account to practise with the first time, and keep what logs it in."""
    folder = options.home.path / "paper"
    token = (folder / "control.token").read_text().strip()
    try:
        account = first_account(options.paper_url, token)
    except httpx.HTTPError as error:
        raise CannotStart(f"the paper exchange opened no account: {error}") from error
    if account:
        lines = [f"{name}: {value}" for name, value in account.items() if isinstance(value, str)]
        keep(folder / "first-account.txt", "\n".join(lines))
