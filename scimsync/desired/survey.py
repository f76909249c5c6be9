"""Evaluate a program over many records, and count failures and references that match no record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import date

from scimsync.desired.expression_errors import DesireError
from scimsync.desired.groups import MEMBERS, texts
from scimsync.desired.program import Desired, Program
from scimsync.errors import ScimsyncError
from scimsync.model.ids import Key
from scimsync.model.placeholders import IdOf
from scimsync.model.records import Record

_FEWEST_NAMELESS = 2


Resolve = Callable[[dict[Key, Desired]], tuple[dict[Key, Desired], Iterable[DesireError]]]
"""A function that resolves references by name, and returns errors for those that it cannot."""


@dataclass(slots=True)
class Failures:
    """The records for which one expression fails: their number, and the first of the errors."""

    first: DesireError
    number: int = 0


@dataclass(slots=True)
class Survey:
    """What the expressions of one program give for many records."""

    records: int = 0
    failures: dict[str, Failures] = field(default_factory=dict)
    referred: dict[str, Counter[Key]] = field(default_factory=dict)

    def add(
        self,
        program: Program,
        records: Iterable[Record],
        today: date,
        observe: Callable[[Desired], None] = lambda _: None,
        resolve: Resolve = lambda desired: (desired, []),
    ) -> None:
        """Evaluate `program` over `records`, and call `observe` with each resource.

        `resolve` finds the records that references by name mean; references that it cannot decide
        fail.
        """
        evaluated: dict[Key, Desired] = {}
        for record in records:
            self.records += 1
            try:
                evaluated[record.key] = program.desire(record, today)
            except DesireError as error:
                self._fail(error)
        evaluated, unresolved = resolve(evaluated)
        for failure in unresolved:
            self._fail(failure)
        for desired in evaluated.values():
            observe(desired)
            for path, key in references(desired):
                self.referred.setdefault(path, Counter())[key] += 1

    def _fail(self, error: DesireError) -> None:
        self.failures.setdefault(error.where, Failures(error)).number += 1

    def nameless(self, known: Set[Key]) -> Iterator[tuple[str, int, int]]:
        """Return the paths of references that mostly match no record, with both numbers.

        `known` are the keys of all records.
        """
        for path, keys in self.referred.items():
            missing = sum(number for key, number in keys.items() if key not in known)
            if is_suspicious(missing, keys.total()):
                yield path, missing, keys.total()


def references(desired: Desired) -> Iterator[tuple[str, Key]]:
    """Return the paths of the references of a resource, and the keys that they name."""
    for values in (desired.document, desired.once):
        for path, value in values.items():
            if isinstance(value, IdOf):
                yield path, value.key
    try:
        members = texts(desired.extras.get(MEMBERS), MEMBERS)
    except ScimsyncError:
        return
    yield from ((MEMBERS, Key(member)) for member in members)


def count_references(
    resources: Iterable[Desired], totals: Counter[str], missing: Counter[str], unknown: Set[Key]
) -> None:
    """Count the references of some resources by path, and those to `unknown` keys."""
    for desired in resources:
        for path, key in references(desired):
            totals[path] += 1
            missing[path] += key in unknown


def suspicious(totals: Mapping[str, int], missing: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Return the paths of references that mostly match no record, with their number and total."""
    return {
        path: (missing.get(path, 0), total)
        for path, total in totals.items()
        if is_suspicious(missing.get(path, 0), total)
    }


def is_suspicious(missing: int, total: int) -> bool:
    """Return whether so many references match no record that the column may not contain keys."""
    return missing >= _FEWEST_NAMELESS and 2 * missing >= total
