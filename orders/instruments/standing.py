"""How old a master is, and whether that is still well."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from orders.instruments.models import MasterImport, Outcome
from tradedesk.times import in_ist, moment

LISTED_AT = time(8, 30)  # IST: by then brokers have the day's list
PATIENCE = timedelta(minutes=30)  # how long the morning's import may take before anybody is warned
RETRY = timedelta(minutes=15)


class NoMaster(LookupError):
    """No list ever came; nothing can be looked up."""

    def __init__(self, master: str, error: str) -> None:
        why = f"the last attempt failed ({error})" if error else "no attempt was made yet"
        super().__init__(
            f"there are no instruments of {master}: {why}. `manage.py sync_instruments` fetches them"
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """A master at a moment."""

    master: str
    at: datetime
    newest: MasterImport | None  # that is in force
    last: MasterImport | None  # attempt, whatever became of it

    @property
    def age(self) -> timedelta | None:
        return self.at - self.newest.at if self.newest else None

    @property
    def is_due(self) -> bool:
        """Tell whether the list of the day is still to come, and a new attempt is in order."""
        if self.newest and self.newest.at >= listed_before(self.at):
            return False
        return self.last is None or self.last.is_done or self.at - self.last.at >= RETRY

    @property
    def warning(self) -> str:
        """Say that the master is old, and is served all the same; or that its first did not come."""
        if self.newest is None:
            return (
                f"no instruments of {self.master} came yet: {self.last.error}" if self.last else ""
            )
        if self.newest.at >= listed_before(self.at - PATIENCE):
            return ""
        why = f": {self.last.error}" if self.last and not self.last.is_done else ""
        return f"instruments of {self.master} are of {moment(self.newest.at, self.at)}{why}"

    def ensure(self) -> None:
        """Raise where there is no list at all."""
        if self.newest is None:
            raise NoMaster(self.master, self.last.error if self.last else "")


def standing(master: str, *, at: datetime) -> Standing:
    """Look how a master stands."""
    [found] = standings([master], at=at)
    return found


def standings(masters: Collection[str], *, at: datetime) -> list[Standing]:
    """Look how several masters stand."""
    # The newest stand first, so that of each master the first is taken.
    attempts = MasterImport.objects.filter(master__in=masters)
    attempts = attempts.order_by("master", "-at", "-pk").distinct("master")
    newest = {one.master: one for one in attempts.filter(outcome=Outcome.DONE)}
    last = {one.master: one for one in attempts}
    return [Standing(one, at, newest.get(one), last.get(one)) for one in masters]


def listed_before(at: datetime) -> datetime:
    """Tell when the newest list that there can be was made."""
    today = in_ist(at).replace(
        hour=LISTED_AT.hour, minute=LISTED_AT.minute, second=0, microsecond=0
    )
    return today if today <= at else today - timedelta(days=1)
