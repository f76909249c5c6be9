"""Accidents that happen to the files of HR. Each makes another file of the right rows.

They concern so many people that no legitimate day looks like that.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Iterable, Mapping, Sequence

from tests.office import Row

Rows = list[Row]
Accident = Callable[[Rows, random.Random], bytes]
FAMILY = (
    "Abel",
    "Berg",
    "Costa",
    "Dahl",
    "Ekman",
    "Faro",
    "Große",
    "Holm",
    "Itō",
    "Jansen",
    "Kaya",
)
GIVEN = (
    "Ada",
    "Bo",
    "Cleo",
    "Dan",
    "Eva",
    "Finn",
    "Gül",
    "Hana",
    "Ivo",
    "José",
    "Kim",
    "Lea",
    "Max",
)
DEPARTMENTS = ("IT", "Sales", "Law", "Care", "Stock")
STATUS = {"active": "aktiv", "left": "ausgeschieden"}


def company(size: int, *, first: int = 1, domain: str = "example.com") -> Rows:
    """Return the rows of `size` people, and a few who have left."""
    rows = []
    for number in range(first, first + size + max(1, size // 20)):
        given, family = GIVEN[number % 13], FAMILY[number * 7 % 11]
        left = number >= first + size
        rows.append(
            {
                "id": f"{number:05}",
                "login": f"E{number:05}x",
                "email": f"{given}.{family}.{number}@{domain}".lower(),
                "given": given,
                "family": family,
                "dept": DEPARTMENTS[number % 5],
                "manager": f"{first:05}" if number > first else "",
                "level": str(number % 3 + 1),
                "status": "left" if left else "active",
            }
        )
    return rows


def written(
    rows: Iterable[Row],
    *,
    encoding: str = "utf-8",
    delimiter: str = ",",
    header: Sequence[str] | None = None,
) -> bytes:
    """Return the file."""
    stream = io.StringIO(newline="")
    rows = list(rows)
    writer = csv.writer(stream, delimiter=delimiter)
    writer.writerow(list(rows[0]) if header is None else header)
    writer.writerows(list(row.values()) for row in rows)
    return stream.getvalue().encode(encoding, errors="replace")


def each(change: Callable[[Row], Mapping[str, str]], share: float = 1.0) -> Accident:
    """Change a share of the rows."""

    def accident(rows: Rows, chance: random.Random) -> bytes:
        chosen = set(chance.sample(range(len(rows)), max(1, round(len(rows) * share))))
        return written(
            {**row, **change(row)} if number in chosen else row for number, row in enumerate(rows)
        )

    return accident


def column(name: str, change: Callable[[list[str], random.Random], list[str]]) -> Accident:
    """Change the cells of a column as a whole."""

    def accident(rows: Rows, chance: random.Random) -> bytes:
        cells = change([row[name] for row in rows], chance)
        return written(row | {name: cell} for row, cell in zip(rows, cells, strict=True))

    return accident


def down(cells: list[str], chance: random.Random) -> list[str]:
    return [cells[-1], *cells[:-1]]


def up(cells: list[str], chance: random.Random) -> list[str]:
    return [*cells[1:], cells[0]]


def up_and_empty(cells: list[str], chance: random.Random) -> list[str]:
    return [*cells[1:], ""]


def shuffled(cells: list[str], chance: random.Random) -> list[str]:
    return chance.sample(cells, len(cells))


def in_order(cells: list[str], chance: random.Random) -> list[str]:
    return sorted(cells, reverse=True)


def swapped(one: str, other: str) -> Accident:
    """Exchange two columns below their headers."""
    return each(lambda row: {one: row[other], other: row[one]})


def together(*names: str) -> Accident:
    """Shift some columns by one row."""

    def accident(rows: Rows, chance: random.Random) -> bytes:
        others = [*rows[1:], rows[0]]
        return written(
            row | {name: other[name] for name in names}
            for row, other in zip(rows, others, strict=True)
        )

    return accident


def twice(change: Callable[[Row], Mapping[str, str]], share: float = 1.0) -> Accident:
    """Repeat a share of the rows, with other values."""

    def accident(rows: Rows, chance: random.Random) -> bytes:
        chosen = chance.sample(rows, max(1, round(len(rows) * share)))
        return written([*rows, *({**row, **change(row)} for row in chosen)])

    return accident


def cut(share: float, *, at_row: bool) -> Accident:
    """End the file early."""

    def accident(rows: Rows, chance: random.Random) -> bytes:
        if at_row:
            return written(rows[: max(1, int(len(rows) * share))])
        content = written(rows)
        return content[: int(len(content) * share)]

    return accident


def without(*names: str) -> Accident:
    """Leave columns out."""
    return lambda rows, chance: written(
        {name: cell for name, cell in row.items() if name not in names} for row in rows
    )


def renamed(name: str, other: str) -> Accident:
    """Give a column another header."""
    return lambda rows, chance: written(
        {other if one == name else one: cell for one, cell in row.items()} for row in rows
    )


def encoded(encoding: str) -> Accident:
    return lambda rows, chance: written(rows, encoding=encoding)


def delimited(delimiter: str) -> Accident:
    return lambda rows, chance: written(rows, delimiter=delimiter)


def without_header(rows: Rows, chance: random.Random) -> bytes:
    return written(rows).split(b"\r\n", 1)[1]


def first_row_as_header(rows: Rows, chance: random.Random) -> bytes:
    return written(rows[1:], header=list(rows[0].values()))


def header_one_to_the_right(rows: Rows, chance: random.Random) -> bytes:
    names = list(rows[0])
    return written(rows, header=[names[-1], *names[:-1]])


def other_company(rows: Rows, chance: random.Random) -> bytes:
    """Nobody in common."""
    return written(company(len(rows), first=5001, domain="other.example"))


def other_company_with_same_keys(rows: Rows, chance: random.Random) -> bytes:
    others = company(len(rows), first=5001, domain="other.example")
    return written(
        other | {"id": row["id"], "login": row["login"]}
        for row, other in zip(rows, others, strict=False)
    )


def renumbered(name: str, share: float = 1.0) -> Accident:
    return each(lambda row: {name: f"9{row[name][1:]}"}, share)


def _without_zeros(row: Row) -> Mapping[str, str]:
    return {"id": row["id"].lstrip("0"), "manager": row["manager"].lstrip("0")}


GROSS: Mapping[str, Accident] = {
    "rows doubled": twice(lambda row: {}),
    "rows doubled, one terminated": twice(lambda row: {"status": "left"}),
    "rows doubled under other keys": twice(lambda row: {"id": f"8{row['id'][1:]}"}),
    "rows doubled with another address": twice(lambda row: {"email": f"x{row['email']}"}),
    **{
        f"{one} and {other} swapped": swapped(one, other)
        for one, other in (
            ("id", "login"),
            ("id", "email"),
            ("id", "manager"),
            ("id", "level"),
            ("id", "dept"),
            ("email", "given"),
            ("email", "login"),
            ("given", "family"),
            ("dept", "status"),
            ("dept", "level"),
            ("email", "status"),
            ("manager", "email"),
        )
    },
    **{
        f"{name} emptied": each(lambda row, name=name: {name: ""})  # type: ignore[misc]
        for name in ("id", "email", "given", "family", "dept", "level", "status")
    },
    **{
        f"{name} {change.__name__}": column(name, change)
        for name in ("id", "email", "dept")
        for change in (down, up, up_and_empty, shuffled, in_order)
    },
    **{
        f"status {change.__name__}": column("status", change) for change in (down, up, up_and_empty)
    },
    "names and addresses down": together("email", "given", "family"),
    "addresses and logins down": together("email", "login"),
    "all but the key down": together(
        "login", "email", "given", "family", "dept", "level", "status"
    ),
    "keys renumbered": renumbered("id"),
    "keys half renumbered": renumbered("id", 0.5),
    "half of keys without zeros": each(_without_zeros, 0.5),
    "logins renumbered": renumbered("login"),
    "keys with a letter": each(lambda row: {"id": f"E{row['id']}"}),
    "keys without zeros": each(_without_zeros),
    "keys as numbers": each(lambda row: {"id": f"{int(row['id'])}.0"}),
    "keys in exponents": each(lambda row: {"id": f"{int(row['id']):.0E}"}),
    "keys with blanks": each(lambda row: {"id": f" {row['id']}\u00a0"}),
    "addresses in capitals": each(lambda row: {"email": row["email"].upper()}),
    "addresses of another domain": each(
        lambda row: {"email": row["email"].replace("example.com", "example.org")}
    ),
    "one address for all": each(lambda row: {"email": "info@example.com"}),
    "one key for all": each(lambda row: {"id": "00001"}),
    "statuses translated": each(lambda row: {"status": STATUS[row["status"]]}),
    "statuses in capitals": each(lambda row: {"status": row["status"].upper()}),
    "statuses negated": each(
        lambda row: {"status": "left" if row["status"] == "active" else "active"}
    ),
    "statuses as numbers": each(lambda row: {"status": str(int(row["status"] == "active"))}),
    "levels as words": each(lambda row: {"level": "five"}),
    "levels with commas": each(lambda row: {"level": f"{row['level']},0"}),
    "departments translated": each(lambda row: {"dept": f"Abteilung {row['dept']}"}),
    "cut to a half": cut(0.5, at_row=True),
    "cut within a row": cut(0.5, at_row=False),
    "cut to the header": cut(0.0, at_row=True),
    "empty": lambda rows, chance: b"",
    "only a header": lambda rows, chance: written(rows).split(b"\r\n", 1)[0] + b"\r\n",
    "header lost": without_header,
    "first row as header": first_row_as_header,
    "header one to the right": header_one_to_the_right,
    "without statuses": without("status"),
    "without keys": without("id"),
    "without departments": without("dept"),
    "another header": renamed("status", "Status (new)"),
    "UTF-16": encoded("utf-16"),
    "Latin-1": encoded("latin-1"),
    "EBCDIC": encoded("cp500"),
    "ASCII": encoded("ascii"),
    "semicolons": delimited(";"),
    "tabs": delimited("\t"),
    "bars": delimited("|"),
    "another company": other_company,
    "another company with these keys": other_company_with_same_keys,
    "a web page": lambda rows, chance: (
        b"<!DOCTYPE html>\n<html><body>Please sign in</body></html>\n"
    ),
    "zeros": lambda rows, chance: bytes(len(written(rows))),
}
"""Accidents of whole files."""

HALF: Mapping[str, Accident] = {
    **{
        f"{name} half emptied": each(lambda row, name=name: {name: ""}, 0.5)  # type: ignore[misc]
        for name in ("id", "email", "family", "dept", "level", "status")
    },
    "rows doubled, some terminated": twice(lambda row: {"status": "left"}, 0.4),
    "statuses half translated": each(lambda row: {"status": STATUS[row["status"]]}, 0.5),
}
"""Accidents of half of the rows, which may be a legitimate day where there are four."""
