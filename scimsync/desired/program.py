"""A compiled target: it maps one record to the resource that the record should be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, NoReturn

from scimsync.desired.assignments import AssignmentFailed, Assignments
from scimsync.desired.attribute_values import Shape
from scimsync.desired.expression_errors import DesireError, UnusableValue, code_of, explain
from scimsync.desired.leaver_matching import MatchExpressions, MatchValues
from scimsync.desired.parsed_expression import ExpressionLocation, ParsedExpression
from scimsync.desired.reference_lookup import NameExpression
from scimsync.desired.times import RunDay, RunTime, Today
from scimsync.model.ids import Document, Key, Value
from scimsync.model.lookup_tables import ReadTable
from scimsync.model.records import Record

SCOPE = "_scope"
"""The variable that says whether a record is in scope."""

_NOT_SHOWN = "SYNC-0328"
"""The code of an error about a value that is not shown."""

NOW = "now"
TODAY = "today"
"""The variables with the time and the day of the run."""

ACCESS = "access"
"""The variable with the names of the access rules that hold."""


@dataclass(frozen=True, slots=True)
class Desired:
    """What one record should be at one target.

    `access` names the rules that hold, in the order of their definition, among those that the
    program uses. Out of scope, the mapping is not evaluated, and `document`, `once` and `generate`
    are empty. Paths are canonical. Values are JSON values or `IdOf`; an absent attribute has no
    entry. `generate` holds lengths in characters. `extras` are the values of expressions that are
    not attributes, such as groups. `changes_at` is when another time may give another result.
    """

    key: Key
    in_scope: bool
    access: tuple[str, ...] = ()
    document: Mapping[str, Value] = field(default_factory=dict, hash=False)
    once: Mapping[str, Value] = field(default_factory=dict, hash=False)
    generate: Mapping[str, int] = field(default_factory=dict, hash=False)
    extras: Mapping[str, Any] = field(default_factory=dict, hash=False)
    changes_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MappedAttribute:
    """One line of the mapping.

    The value is that of the expression `source`, found in `variable`; or `length` random
    characters; or `constant`.
    """

    path: str
    location: ExpressionLocation
    shape: Shape
    once: bool
    source: ParsedExpression | None = None
    variable: str = ""
    constant: Value | None = None
    length: int | None = None


@dataclass(frozen=True, slots=True)
class FilteredElement:
    """The mapped paths into one element of a multi-valued attribute.

    The element is absent unless one of the paths in `alive` has a value: `primary = true` alone
    means nothing.
    """

    paths: tuple[str, ...]
    alive: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """The compiled expressions of one mapping. It is cheap to run and safe to share by threads.

    `gate` evaluates access rules and scope, `mapping` everything else. `rules` are the access rules
    in use, and `expressions` all that are evaluated, both in the order of the configuration.
    `columns` are the columns in use, and `variables` the variables that hold them. `paths` are the
    managed attributes, without those that are sent once. `extras` maps the names of further
    expressions to their variables. `names` are the expressions by which references find other
    records. `tables` are the tables in use that are read; `digest` does not cover their entries.
    `uses_time`: an expression uses the time or a time zone. `match_paths` are the attributes to
    match by; `match` evaluates them, `identity` also externalId and userName, and `person` these
    and the names. `digest` identifies everything that decides the result, except for the date where
    `uses_today` is set, and the time where `uses_time` is.
    """

    rules: tuple[str, ...]
    expressions: tuple[ParsedExpression, ...]
    columns: tuple[str, ...]
    uses_today: bool
    paths: tuple[str, ...]
    digest: str
    variables: tuple[str, ...]
    gate: Assignments | None
    mapping: Assignments | None
    slots: tuple[MappedAttribute, ...]
    elements: tuple[FilteredElement, ...]
    required: MappedAttribute
    extras: tuple[tuple[str, str], ...] = ()
    match_paths: tuple[str, ...] = ()
    match: MatchExpressions | None = None
    identity: MatchExpressions | None = None
    person: MatchExpressions | None = None
    names: tuple[NameExpression, ...] = ()
    uses_time: bool = False
    tables: tuple[ReadTable, ...] = ()

    @property
    def depends_on_time(self) -> bool:
        """Whether an expression uses the day or the time of the run."""
        return self.uses_today or self.uses_time

    def by(self, path: str) -> str | None:
        """Return the expression by which the attribute at `path` refers, None for a key."""
        for slot in self.slots:
            if slot.path == path and slot.source is not None and slot.source.uses.names:
                return ", ".join(sorted(slot.source.uses.names))
        return None

    def without(self, paths: Collection[str]) -> Program:
        """Return the program without the attributes at `paths`, none of which is required."""
        if not paths:
            return self
        return replace(
            self,
            paths=tuple(path for path in self.paths if path not in paths),
            slots=tuple(slot for slot in self.slots if slot.path not in paths),
        )

    def match_values(self, record: Record, today: date) -> MatchValues:
        """Return the values by which an account of `record` is found, whether or not it is wanted.

        Raise no exception: see `MatchValues`.
        """
        return self._values_of(self.match, record, today)

    def identity_values(self, record: Record, today: date) -> MatchValues:
        """Return the values of `match_values`, with those of externalId and userName."""
        return self._values_of(self.identity, record, today)

    def person_values(self, record: Record, today: date) -> Document:
        """Return the values that tell whose account it is, as far as they can be evaluated."""
        return self._values_of(self.person, record, today).values

    def _values_of(
        self, match: MatchExpressions | None, record: Record, today: date
    ) -> MatchValues:
        if record.too_deep or match is None:
            return MatchValues(None)
        values = self._variables(record, today)
        in_scope: bool | None = True
        access: Sequence[str] = ()
        try:
            if self.gate is not None:
                gate = self.gate.run(values)
                access, in_scope = gate[ACCESS], bool(gate[SCOPE])
        except AssignmentFailed as failed:
            in_scope = None if failed.before.get(SCOPE, True) else False
        found, errors = match.evaluate({**values, ACCESS: access})
        failures = {
            attribute.path: _failure(record, attribute.source, errors[attribute.path])
            for attribute in match.attributes
            if attribute.path in errors
        }
        return MatchValues(in_scope, found, failures)

    def desire(self, record: Record, today: date) -> Desired:
        """Return the desired document of `record` at the target on the day `today`.

        Raise DesireError, and no other exception, if an expression fails for this record, a
        required attribute is empty, or the record cannot be read. Out of scope, the mapping is not
        evaluated, and a rule that the scope does not need may fail, so that bad data does not keep
        a leaver's account active.
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
        values = self._variables(record, today)
        desired = self._evaluated(record, values)
        now = values.get(NOW)
        if isinstance(now, RunTime) and now.changes.at is not None:
            return replace(desired, changes_at=now.changes.at)
        return desired

    def _evaluated(self, record: Record, values: dict[str, Any]) -> Desired:
        access: Sequence[str] = ()
        try:
            if self.gate is not None:
                gate = self.gate.run(values)
                access = gate[ACCESS]
                if not gate[SCOPE]:
                    return Desired(record.key, in_scope=False, access=tuple(access))
            values[ACCESS] = access
            results = {} if self.mapping is None else self.mapping.run(values)
        except AssignmentFailed as failed:
            if not failed.before.get(SCOPE, True):
                return Desired(record.key, in_scope=False)
            _fail(record, failed.assignment.source, failed.error)
        return self._desired(record, tuple(access), results)

    def _variables(self, record: Record, today: date) -> dict[str, Any]:
        values = dict(zip(self.variables, map(record.data.get, self.columns), strict=True))
        if not self.uses_time:
            return {**values, TODAY: today}
        now = RunTime(RunDay.moment_of(today), date(today.year, today.month, today.day))
        return {**values, NOW: now, TODAY: Today.of(now)}

    def _desired(
        self, record: Record, access: tuple[str, ...], results: Mapping[str, Any]
    ) -> Desired:
        document: dict[str, Value] = {}
        once: dict[str, Value] = {}
        generate: dict[str, int] = {}
        for slot in self.slots:
            if slot.source is not None:
                try:
                    value = slot.shape(results[slot.variable])
                except Exception as error:  # any error concerns this record only
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
            problem = f"is empty, but {self.required.path} is required"
            _fail(record, self.required.source, UnusableValue(problem, code="SYNC-0321"))
        extras = {name: results[variable] for name, variable in self.extras}
        return Desired(record.key, True, access, document, once, generate, extras)


def _fail(record: Record, source: ParsedExpression | None, error: Exception) -> NoReturn:
    """Raise the DesireError for `error`, which the expression `source` caused."""
    failure = _failure(record, source, error)
    raise failure from (None if failure.code == _NOT_SHOWN else error)


def _failure(record: Record, source: ParsedExpression | None, error: Exception) -> DesireError:
    assert source is not None  # noqa: S101 - only expressions fail, or come out empty
    key = source.location.key
    if key.rstrip("\"'").lower().endswith("password"):  # show neither the record nor the value
        detail = "fails; its value is not shown"
        return DesireError(record.key, key, source.text, detail, {}, code=_NOT_SHOWN)
    values = {column: record.data.get(column) for column in source.uses.columns}
    return DesireError(record.key, key, source.text, explain(error), values, code=code_of(error))
