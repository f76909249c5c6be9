"""Run a compiled target: map a record to the desired resource. `compiler` makes programs."""

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
"""Variables that the first stage sets: whether the record is in scope, and which rules apply."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One line of the mapping.

    The value is what the expression `source` stores in `variable`, or else `length` random
    characters, or else `constant`.
    """

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
    """The paths into one element of a multi-valued attribute.

    Without a value at one of the `alive` paths, the whole element is absent: `primary = true` alone
    has no meaning.
    """

    paths: tuple[str, ...]
    alive: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """The compiled mapping of a target: cheap to run and safe to share between threads.

    `gate` evaluates access rules and scope, `mapping` the attributes and extras. `rules` are the
    access rules that the program uses, and `expressions` all expressions that it evaluates, both in
    the order of the configuration. `paths` are the managed attributes, without those that are only
    sent at creation. `extras` pairs the name of each extra expression with its variable. For
    `digest`, see `scimsync.desired.digest`.
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
        """Return what `record` should be at the target on the day `today`.

        Raise DesireError, and no other exception, if an expression fails for this record, a
        required attribute is empty, or the record cannot be read. The mapping is not evaluated for
        a record out of scope, so that bad data does not keep a leaver's account active.
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
                except Exception as error:  # any error is a failure of this record alone
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
            if not any(path in values for values in sets for path in element.alive):
                for path in element.paths:
                    document.pop(path, None)
                    once.pop(path, None)
        if not any(self.required.path in values for values in sets):
            problem = f"came out empty, and {self.required.path} is required"
            _fail(record, self.required.source, Unusable(problem, code="SYNC-0321"))
        extras = {name: results[variable] for name, variable in self.extras}
        return Desired(record.key, True, access, document, once, generate, extras)


def _fail(record: Record, source: Parsed | None, error: Exception) -> NoReturn:
    """Raise the DesireError for `error`, which `source` caused.

    The required attribute always has a source.
    """
    assert source is not None  # noqa: S101
    # show neither the record's value nor anything made from it
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
