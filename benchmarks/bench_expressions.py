"""Records a second through `Program.desire`, beside a yardstick: one Jinja2 expression that makes
the same dict.

Run: python -m benchmarks.bench_expressions [--rows N] The yardstick is
`Environment.compile_expression` as Jinja2 has it: no scope, no access rules, no forms of values, no
document. `desire` keeps up with it because it leaves out what Jinja2 does for templates on each
call. Each figure is the best of five rounds, in processor time, for the machine's other work only
ever adds time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from jinja2.sandbox import ImmutableSandboxedEnvironment

from benchmarks.common import rows_wanted
from scimsync.desired import Program, compile_program
from scimsync.model.ids import Key
from scimsync.model.mappings import Expression
from scimsync.model.records import Record

Work = Callable[[Sequence[Record]], None]

TODAY = date(2026, 11, 24)
ROUNDS = 5
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MAPPING = {
    "externalId": "employee_id",
    "userName": "email | lower",
    "name.givenName": "given",
    "name.familyName": "family",
    "displayName": "given ~ ' ' ~ family",
    "active": "status == 'active'",
    'emails[type eq "work"].value': "email | lower",
    "title": "title | default('Staff')",
    "locale": "'de' if country == 'DE' else 'en'",
    f"{ENTERPRISE}:department": "department | upper",
    f"{ENTERPRISE}:costCenter": "cost_center",
    f"{ENTERPRISE}:employeeNumber": "employee_id | replace('E', '')",
}
ACCESS = {"Admin": "department == 'IT' and level | int >= 5", "Viewer": "status == 'active'"}
SCOPE = "'Viewer' in access or 'Admin' in access"


def made_up_records(count: int) -> list[Record]:
    """`count` people of an example company."""
    return [
        Record(
            "hr",
            Key(f"E{number}"),
            {
                "employee_id": f"E{number}",
                "email": f"Person.{number}@Example.com",
                "given": "Ann",
                "family": f"Example{number}",
                "status": "active",
                "title": "" if number % 3 else "Engineer",
                "country": "DE" if number % 2 else "SE",
                "department": "it",
                "cost_center": str(number % 50),
                "level": str(number % 9),
                "start": "2020-01-01",
            },
        )
        for number in range(count)
    ]


def best(works: Mapping[str, Work], records: Sequence[Record]) -> dict[str, float]:
    """Records a second of processor time, in the fastest round of each of `works`; they take turns
    in every round."""
    seconds: dict[str, list[float]] = {what: [] for what in works}
    for _ in range(ROUNDS):
        for what, work in works.items():
            start = time.process_time()
            work(records)
            seconds[what].append(time.process_time() - start)
    return {what: len(records) / min(taken) for what, taken in seconds.items()}


def yardstick(records: Sequence[Record]) -> None:
    """One compiled expression for all, and nothing else."""
    pairs = ", ".join(f"{number}: ({text})" for number, text in enumerate(MAPPING.values()))
    compiled = ImmutableSandboxedEnvironment().compile_expression(f"{{{pairs}}}")
    for record in records:
        compiled(record.data)


def one_each(records: Sequence[Record]) -> None:
    """Twelve compiled expressions."""
    environment = ImmutableSandboxedEnvironment()
    compiled = [environment.compile_expression(text) for text in MAPPING.values()]
    for record in records:
        for expression in compiled:
            expression(record.data)


def desire(program: Program) -> Work:
    """What scimsync does for each record."""

    def work(records: Sequence[Record]) -> None:
        for record in records:
            program.desire(record, TODAY)

    return work


def main() -> None:
    """Prints the figures."""
    rows, figures = rows_wanted(10_000, __doc__)
    mapping = {path: Expression(text) for path, text in MAPPING.items()}
    works = {
        "compile_expression, 12 times": one_each,
        "desire, mapping alone": desire(compile_program("bench", mapping, None, {}, {})),
        "desire, with scope and two access rules": desire(
            compile_program("bench", mapping, SCOPE, ACCESS, {})
        ),
    }
    speeds = best({"": yardstick} | works, made_up_records(rows))
    one = speeds.pop("")
    for what, speed in speeds.items():
        figures.show(what, speed / one, "of one compiled expression")
    figures.end()


if __name__ == "__main__":
    main()
