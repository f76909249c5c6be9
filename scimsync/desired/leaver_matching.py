"""The attributes by which the account of a user is found who should not have one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from scimsync.desired.assignments import Assignment, AssignmentFailed, Assignments
from scimsync.desired.attribute_values import Shape
from scimsync.desired.expression_errors import DesireError
from scimsync.desired.parsed_expression import ParsedExpression
from scimsync.desired.sandbox import Sandbox
from scimsync.model.ids import Value


@dataclass(frozen=True, slots=True)
class MatchAttribute:
    """One attribute of `match`: its expression `source`, or its `constant` value."""

    path: str
    shape: Shape
    source: ParsedExpression | None = None
    constant: Value | None = None


@dataclass(frozen=True, slots=True)
class MatchValues:
    """The values of one record to match by.

    `in_scope` is None if the scope cannot be evaluated. `failures` says for an attribute why it
    has no value.
    """

    in_scope: bool | None
    values: Mapping[str, Value] = field(default_factory=dict)
    failures: Mapping[str, DesireError] = field(default_factory=dict)


class MatchExpressions:
    """The attributes of `match`. Each is evaluated by itself: one that fails leaves the others."""

    def __init__(self, attributes: Sequence[MatchAttribute], environment: Sandbox) -> None:
        self.attributes = tuple(attributes)
        self._environment = environment

    def evaluate(
        self, variables: Mapping[str, Any]
    ) -> tuple[dict[str, Value], dict[str, Exception]]:
        """Return the values by path, and the errors of those that fail."""
        values: dict[str, Value] = {}
        failures: dict[str, Exception] = {}
        for attribute, assignments in self._assignments:
            value = attribute.constant
            if assignments is not None:
                try:
                    value = attribute.shape(assignments.run(dict(variables))["_match"])
                except AssignmentFailed as failed:
                    failures[attribute.path] = failed.error
                    continue
                except Exception as error:  # any error concerns this record only
                    failures[attribute.path] = error
                    continue
            if value is not None and value != "":
                values[attribute.path] = value
        return values, failures

    @cached_property
    def _assignments(self) -> list[tuple[MatchAttribute, Assignments | None]]:
        return [
            (
                attribute,
                None
                if attribute.source is None
                else Assignments(
                    [Assignment("_match", attribute.source.node, attribute.source)],
                    self._environment,
                ),
            )
            for attribute in self.attributes
        ]
