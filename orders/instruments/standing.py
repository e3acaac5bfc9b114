"""How old a master is, and whether that is still well."""

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
        """Say that the master is old; it is served all the same."""
        if self.newest is None or self.newest.at >= listed_before(self.at - PATIENCE):
            return ""
        why = f": {self.last.error}" if self.last and not self.last.is_done else ""
        return f"instruments of {self.master} are of {moment(self.newest.at, self.at)}{why}"

    def ensure(self) -> None:
        """Raise where there is no list at all."""
        if self.newest is None:
            raise NoMaster(self.master, self.last.error if self.last else "")


def standing(master: str, *, at: datetime) -> Standing:
    """Look how a master stands."""
    attempts = MasterImport.objects.filter(master=master)
    newest = attempts.filter(outcome=Outcome.DONE).first()
    return Standing(master, at, newest, attempts.first())


def listed_before(at: datetime) -> datetime:
    """Tell when the newest list that there can be was made."""
    today = in_ist(at).replace(
        hour=LISTED_AT.hour, minute=LISTED_AT.minute, second=0, microsecond=0
    )
    return today if today <= at else today - timedelta(days=1)
