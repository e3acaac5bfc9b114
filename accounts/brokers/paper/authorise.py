"""Leave to take shares out of the depository, for accounts without a power of attorney."""

from collections.abc import Callable
from typing import Any

from .floor import Floor
from .state import Account
from .terms import Command, Refusal
from .tickets import MOST_QUANTITY
from .users import secret


def begin(floor: Floor, command: Command) -> Any:
    """Open a request; with no shares named it is for all of them."""
    account = floor.account(command.user)
    wanted = _read(account, command.args)
    request_id = secret(floor, "authorise", floor.number("authorisation"))[:32]
    account.authorisations[request_id] = wanted
    return {"request_id": request_id}


def _read(account: Account, args: dict[str, Any]) -> dict[str, int]:
    isins, quantities = _listed(args.get("isin")), _listed(args.get("quantity"))
    if not isins:
        return {isin: each.quantity + each.t1 for isin, each in account.holdings.items()}
    if len(isins) != len(quantities):
        raise Refusal("Every `isin` needs its `quantity`.")
    wanted: dict[str, int] = {}
    for isin, quantity in zip(isins, quantities, strict=True):
        holding = account.holdings.get(isin)
        count = int(quantity) if quantity.isdecimal() and len(quantity) < 12 else 0
        if holding is None or not 0 < count <= min(holding.quantity + holding.t1, MOST_QUANTITY):
            raise Refusal("Invalid `isin` or `quantity`.")
        wanted[isin] = count
    return wanted


def _listed(given: Any) -> list[str]:
    if given is None or given == "":
        return []
    return [str(each) for each in given] if isinstance(given, list) else [str(given)]


def finish(floor: Floor, command: Command) -> Any:
    """The user has agreed at the depository, or not."""
    account = floor.account(command.user)
    wanted = account.authorisations.pop(str(command.args.get("request_id")), None)
    if wanted is None:
        raise Refusal("Invalid `request_id`.")
    if command.args.get("status", "success") == "success":
        for isin, quantity in wanted.items():
            holding = account.holdings.get(isin)
            if holding is not None:
                holding.authorised = max(holding.authorised, quantity)
                holding.authorised_at = floor.now
    return True


def pending(floor: Floor, user: str, *, request_id: str) -> Any:
    """What a request is about, or None."""
    for account in floor.state.accounts.values():
        wanted = account.authorisations.get(request_id)
        if wanted is not None:
            return {"user_id": account.user_id, "shares": dict(wanted)}
    return None


OPS: dict[str, Callable[[Floor, Command], Any]] = {
    "holdings.authorise": begin,
    "holdings.authorised": finish,
}
QUERIES: dict[str, Callable[..., Any]] = {"authorisation": pending}
