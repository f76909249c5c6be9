"""Read the lines of a mapping: which attributes they set, and how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scimsync.desired.assignments import Assignment, AssignmentFailed, Assignments
from scimsync.desired.attribute_values import Shape, shape_for
from scimsync.desired.conditions import Use
from scimsync.desired.expression_errors import code_of, explain
from scimsync.desired.expressions import parse
from scimsync.desired.parsed_expression import ExpressionLocation, Names
from scimsync.desired.program import FilteredElement, MappedAttribute
from scimsync.desired.sandbox import Sandbox
from scimsync.desired.schema_attributes import (
    REQUIRED,
    SchemaAttribute,
    ValueForm,
    attribute_at,
    meant,
)
from scimsync.formatting import one_line
from scimsync.model.ids import Kind
from scimsync.model.mappings import Constant, Generate, MappedValue
from scimsync.scim.grammar import PathError
from scimsync.scim.settable import check_settable, settable_path
from scimsync.tomltext import dotted_key

_GIVES_ACCESS = frozenset({"roles", "entitlements"})


@dataclass(frozen=True, slots=True)
class MappingReader:
    """A reader of the lines of one mapping."""

    keys: tuple[str, ...]
    places: Mapping[str, Sequence[str]]
    where: str
    kind: Kind
    names: Names
    environment: Sandbox

    def slots(self, mapping: Mapping[str, MappedValue]) -> list[MappedAttribute]:
        """Return the mapped attributes. Raise ConfigError."""
        if not mapping:
            raise self._location().error(
                "maps no attribute",
                hint=f'write at least {REQUIRED[self.kind]} = "…"',
                code="SYNC-0140",
            )
        try:
            check_settable(mapping)
        except PathError as error:
            raise self._location(error.text).error(error.problem, code="SYNC-0145") from None
        return [
            self._slot(text, mapped, f"_v{index}")
            for index, (text, mapped) in enumerate(mapping.items())
        ]

    def required(self, slots: Iterable[MappedAttribute]) -> MappedAttribute:
        """Return the attribute that every resource must have."""
        name = REQUIRED[self.kind]
        for slot in slots:
            if slot.path == name:
                if slot.source is None and slot.constant is None and slot.length is None:
                    raise slot.location.error("is required and must not be empty", code="SYNC-0140")
                return slot
        raise self._location().error(
            f"{name} is required and not mapped", hint=f'write {name} = "…"', code="SYNC-0140"
        )

    def _location(self, path: str | None = None) -> ExpressionLocation:
        """Return the location of the line for `path`, or of the whole mapping."""
        keys = self.keys if path is None else self.places.get(path, (*self.keys, path))
        return ExpressionLocation(self.where, dotted_key(keys))

    def _slot(self, text: str, mapped: MappedValue, variable: str) -> MappedAttribute:
        close = meant(settable_path(text).path, self.kind)
        if close is not None:
            raise self._location(text).error(
                "no such attribute", hint=f'did you mean "{close}"?', code="SYNC-0141"
            )
        attribute = attribute_at(settable_path(text).path, self.kind)
        path, here, shape = str(attribute), self._location(text), shape_for(attribute)
        if isinstance(mapped, Generate):
            return MappedAttribute(path, here, shape, once=True, length=mapped.length)
        if isinstance(mapped, Constant):
            constant = _constant(mapped.value, shape, here)
            return MappedAttribute(path, here, shape, once=mapped.once, constant=constant)
        use = _use_of(attribute)
        parsed = parse(mapped.text, here, self.names, self.environment, use=use)
        if not parsed.uses.nothing:
            return MappedAttribute(
                path, here, shape, once=mapped.once, source=parsed, variable=variable
            )
        assignment = Assignment(variable, parsed.node, parsed)
        try:
            value = Assignments([assignment], self.environment).run({})[variable]
        except AssignmentFailed as failed:
            raise here.error(
                explain(failed.error), details=[one_line(mapped.text)], code=code_of(failed.error)
            ) from None
        constant = _constant(value, shape, here)
        return MappedAttribute(path, here, shape, once=mapped.once, constant=constant)


def _use_of(attribute: SchemaAttribute) -> Use:
    if attribute.form is ValueForm.BOOLEAN:
        return Use.BOOLEAN
    return Use.ACCESS if attribute.path.attribute in _GIVES_ACCESS else Use.VALUE


def _constant(value: Any, shape: Shape, here: ExpressionLocation) -> Any:
    try:
        return shape(value)
    except Exception as error:
        raise here.error(explain(error), code=code_of(error)) from None


def filtered_elements(slots: Sequence[MappedAttribute]) -> tuple[FilteredElement, ...]:
    """Return the filtered elements that could be left with constants only.

    An element with some constant parts would otherwise stay when its values are absent. Its varying
    parts decide whether it is sent; `primary` only decides if there are no others.
    """
    by_element: dict[str, list[MappedAttribute]] = {}
    for slot in slots:
        path = settable_path(slot.path)
        if path.pins:
            by_element.setdefault(path.element, []).append(slot)
    elements = []
    for members in by_element.values():
        varying = [slot for slot in members if slot.source is not None or slot.length is not None]
        alive = [slot for slot in varying if not slot.path.endswith(".primary")] or varying
        if alive and len(alive) < len(members):
            paths = tuple(slot.path for slot in members)
            elements.append(FilteredElement(paths, tuple(slot.path for slot in alive)))
    return tuple(elements)
