"""A compiled target at work: record in, desired resource out. `compiler` makes these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NoReturn

from scimsync.desired.documents import Shape
from scimsync.desired.expressions import Parsed, Place
from scimsync.desired.failures import DesireError, Unusable, code_of, explain
from scimsync.desired.stages import Stage, StepFailed
from scimsync.desired.values import Desired
from scimsync.model.ids import Value
from scimsync.model.records import Record

SCOPE = "_scope"
ACCESS = "access"
"""Variables that the first stage leaves: whether the record is in scope, and the names of the rules
that hold."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One line of the mapping: what the expression `source` leaves in `variable`, else `length`
    random characters, else `constant`."""

    path: str
    place: Place
    shape: Shape
    once: bool
    source: Parsed | None = None
    variable: str = ""
    constant: Value | None = None
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Element:
    """The paths into one element of a multi-valued attribute. Without a value at one of `alive` it
    is absent as a whole: `primary = true` alone is worth nothing."""

    paths: tuple[str, ...]
    alive: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """Cheap to run, safe to share between threads. `gate` works out access and scope, `mapping`
    what lies behind it.

    `rules` are the access rules that it reaches and `expressions` all that it works out, in the
    order of the configuration; `paths` are the managed attributes, without those that are sent
    once; `extras` the variables of further expressions, by name. `digest`: see
    `scimsync.desired.digest`.
    """

    rules: tuple[str, ...]
    expressions: tuple[Parsed, ...]
    columns: tuple[str, ...]
    uses_today: bool
    paths: tuple[str, ...]
    digest: str
    variables: tuple[str, ...]
    gate: Stage | None
    mapping: Stage | None
    slots: tuple[Slot, ...]
    elements: tuple[Element, ...]
    required: Slot
    extras: tuple[tuple[str, str], ...] = ()

    def desire(self, record: Record, today: date) -> Desired:
        """What `record` should be at the target on the day `today`.

        Raises DesireError, and nothing else, where an expression fails for this record, a required
        attribute comes out empty, or the record cannot be read. The mapping of a record out of
        scope is not worked out, so that a leaver with bad data can still leave.
        """
        if record.too_deep:
            raise DesireError(
                record.key,
                f"the record in {record.source}",
                "",
                "a value is nested too deeply",
                {},
                code="SYNC-0326",
            )
        values: dict[str, Any] = dict(
            zip(self.variables, map(record.data.get, self.columns), strict=True)
        )
        values["today"] = today
        access: Sequence[str] = ()
        try:
            if self.gate is not None:
                gate = self.gate.run(values)
                access = gate[ACCESS]
                if not gate[SCOPE]:
                    return Desired(record.key, in_scope=False, access=tuple(access))
            values[ACCESS] = access
            results = {} if self.mapping is None else self.mapping.run(values)
        except StepFailed as failed:
            _fail(record, failed.step.source, failed.error)
        return self._shaped(record, tuple(access), results)

    def _shaped(
        self, record: Record, access: tuple[str, ...], results: Mapping[str, Any]
    ) -> Desired:
        document: dict[str, Value] = {}
        once: dict[str, Value] = {}
        generate: dict[str, int] = {}
        for slot in self.slots:
            if slot.source is not None:
                try:
                    value = slot.shape(results[slot.variable])
                except Exception as error:  # whatever a record provokes is that record's problem
                    _fail(record, slot.source, error)
            elif slot.length is not None:
                generate[slot.path] = slot.length
                continue
            else:
                value = slot.constant
            if value is not None:
                (once if slot.once else document)[slot.path] = value
        sets = (document, once, generate)
        for element in self.elements:
            if not any(
                path in values for values in (document, once, generate) for path in element.alive
            ):
                for path in element.paths:
                    document.pop(path, None)
                    once.pop(path, None)
        if not any(self.required.path in values for values in sets):
            problem = f"came out empty, and {self.required.path} is required"
            _fail(record, self.required.source, Unusable(problem, code="SYNC-0321"))
        extras = {name: results[variable] for name, variable in self.extras}
        return Desired(record.key, True, access, document, once, generate, extras)


def _fail(record: Record, source: Parsed | None, error: Exception) -> NoReturn:
    """Raise the DesireError for `error`, which came of `source` (the required attribute always has
    one)."""
    assert source is not None  # noqa: S101
    # neither the record's value nor what was made of it is shown
    if source.place.key.rstrip("\"'").lower().endswith("password"):
        raise DesireError(
            record.key,
            source.place.key,
            source.text,
            "fails; what it holds is not shown",
            {},
            code="SYNC-0328",
        ) from None
    values = {column: record.data.get(column) for column in source.uses.columns}
    raise DesireError(
        record.key, source.place.key, source.text, explain(error), values, code=code_of(error)
    ) from error
