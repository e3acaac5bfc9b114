"""Tell how ready the desk is, as /setup/ shows it."""

from typing import Any

from accounts import readiness
from tradedesk.commands import JsonCommand
from tradedesk.times import day_and_clock


class Command(JsonCommand):
    help = "Checks every part of the desk now: its state, what proved it last, and the next step."

    def handle(self, *args: Any, **options: Any) -> None:
        found = readiness.look()
        text = "\n".join([*map(in_words, found.rows), f"Overall {found.overall} %"])
        self.answer(readiness.facts(found), text=text, as_json=options["json"])


def in_words(row: readiness.Row) -> str:
    proof = f"{row.proof.what}, {day_and_clock(row.proof.at)}" if row.proof else "no proof yet"
    lines = [f"{row.part.title:18}{row.percent:>4} %  {row.state.label}; {proof}"]
    for check, one in row.seen:
        if not one.ok:
            step = f" → {check.step}" if check.step else ""
            lines.append(f"{'':26}{check.name}: {one.words}{step}")
    return "\n".join(lines)
