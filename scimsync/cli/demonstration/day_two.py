"""What becomes of the company overnight: who joins, moves and leaves, and what goes wrong in the
file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

from scimsync.cli.demonstration.company import Person, address, hire, key

RENAMED, MOVED, PROMOTED = key(17), key(40), key(132)
LEFT, GONE, CUT = key(75), key(123), key(57)

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Overnight:
    """The rows of the new file, and one sentence for each thing that happened."""

    rows: list[Row]
    news: list[str]


def overnight(before: Sequence[Person]) -> Overnight:
    """Day two, made from the people of day one."""
    by_key = {person.employee_id: person for person in before}
    married = replace(
        by_key[RENAMED], family="Winterfeld", email=address(by_key[RENAMED].given, "Winterfeld")
    )
    head_of_sales = next(person for person in before if person.title == "Head of Sales")
    moved = replace(
        by_key[MOVED],
        department="Sales",
        title="Sales Engineer",
        manager_id=head_of_sales.employee_id,
    )
    promoted = replace(by_key[PROMOTED], title="Principal Engineer", level="5", department="IT")
    left = replace(by_key[LEFT], status="left")
    after = by_key | {person.employee_id: person for person in (married, moved, promoted, left)}
    del after[GONE]
    number = len(before) + 1
    joined = hire(number, "Engineer", "Engineering", moved.employee_id, start="2025-11-03")
    nameless = replace(hire(number + 1, "Accountant", "Finance", "", start="2025-11-03"), email="")
    later = hire(number + 2, "Recruiter", "People", "", start="2199-01-01")
    rows: list[Row] = [astuple(person) for person in (*after.values(), joined, nameless, later)]
    rows = [row[:4] if row[0] == CUT else row for row in rows]
    return Overnight(
        rows,
        [
            f"{joined.name} ({joined.employee_id}) joins",
            f"{married.name} ({RENAMED}) has a new family name and a new address",
            (
                f"{moved.name} ({MOVED}) moves to Sales, and {promoted.name} ({PROMOTED}) to a"
                " higher level in IT"
            ),
            (
                f"{left.name} ({LEFT}) has left, and {by_key[GONE].name} ({GONE}) is not in the"
                " file any more"
            ),
            f"{later.name} ({later.employee_id}) is hired, and begins on another day",
            f"{nameless.name} ({nameless.employee_id}) joins too, but nobody wrote down an address",
            f"the row of {by_key[CUT].name} ({CUT}) was cut off after the fourth column",
        ],
    )
