"""What access rules and mappings give for one record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from scimsync.config.models import Config
from scimsync.desired import Desired, DesireError, Program, compile_program
from scimsync.desired.syntax import text_literal
from scimsync.model.ids import Document, Key, RemoteId
from scimsync.model.mappings import Constant
from scimsync.model.placeholders import IdOf, RandomText
from scimsync.model.records import Record
from scimsync.plan.document_diff import SENSITIVE, hide_sensitive
from scimsync.plan.named_references import resolve_names
from scimsync.snapshot.view import SnapshotView


@dataclass(frozen=True, slots=True)
class EvaluatedRule:
    """An access rule for one record. `holds` is None if it failed with `error`."""

    name: str
    expression: str
    holds: bool | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class EvaluatedMapping:
    """What the mapping of a target gives for one record.

    `in_scope` is None if there is no record, or where the mapping failed with `failure`. `once`
    is sent at creation only.
    """

    in_scope: bool | None = None
    failure: str | None = None
    document: Document = field(default_factory=dict)
    once: Document = field(default_factory=dict)


def secret_columns(programs: Iterable[Program]) -> frozenset[str]:
    """Return the columns that passwords are made from."""
    return frozenset(
        column
        for program in programs
        for slot in program.slots
        if slot.source is not None and slot.path.rpartition(":")[2].lower() in SENSITIVE
        for column in slot.source.uses.columns
    )


def evaluate_rules(
    config: Config, programs: Sequence[Program], record: Record, today: date
) -> list[EvaluatedRule]:
    """Evaluate the access rules that some target uses."""
    used = {rule for program in programs for rule in program.rules}
    evaluated = []
    for name, expression in config.access.items():
        if name not in used:
            continue  # the snapshot lacks columns that only this rule uses
        alone = compile_program(
            name,
            {"userName": Constant("-")},
            f"{text_literal(name)} in access",
            config.access,
            config.tables,
            config.path.name,
        )
        try:
            holds = alone.desire(record, today).in_scope
            evaluated.append(EvaluatedRule(name, expression, holds))
        except DesireError as error:
            evaluated.append(EvaluatedRule(name, expression, None, error.detail))
    return evaluated


def evaluate_mapping(
    program: Program, record: Record, today: date, secret: frozenset[str]
) -> EvaluatedMapping:
    """Evaluate a mapping. Secrets are veiled, and references are placeholders."""
    try:
        desired = program.desire(record, today)
    except DesireError as error:
        return EvaluatedMapping(failure=_failure(error, secret))
    generated = {path: RandomText(length) for path, length in desired.generate.items()}
    once = {path: hide_sensitive(path, value) for path, value in desired.once.items()}
    document = {path: hide_sensitive(path, value) for path, value in desired.document.items()}
    return EvaluatedMapping(desired.in_scope, None, document, once | generated)


def with_names(
    mapping: EvaluatedMapping, view: SnapshotView, sources: Sequence[str], key: Key
) -> EvaluatedMapping:
    """Return the mapping with the names in references replaced by keys.

    An ambiguous name is the failure of the mapping.
    """
    user = Desired(key, in_scope=True, document=mapping.document, once=mapping.once)
    found, ambiguous = resolve_names(view, sources, {key: user})
    if ambiguous:
        name = ambiguous[key]
        return EvaluatedMapping(failure=f"{name.path}: {name.detail}")
    return replace(mapping, document=found[key].document, once=found[key].once)


def referenced_keys(document: Document) -> list[Key]:
    """Return the keys that a document refers to."""
    return [value.key for value in document.values() if isinstance(value, IdOf)]


def resolve_references(document: Document, accounts: Mapping[Key, RemoteId]) -> Document:
    """Return the document with the remote ids of `accounts` in the place of references."""
    return {
        path: accounts.get(value.key, value) if isinstance(value, IdOf) else value
        for path, value in document.items()
    }


def _failure(error: DesireError, secret: frozenset[str]) -> str:
    values = ", ".join(
        f"{name} = {'(secret)' if name in secret else repr(value)}"
        for name, value in error.values.items()
    )
    parts = [error.where, " ".join(error.expression.split()), " ".join(error.detail.split())]
    return ": ".join(part for part in parts if part) + (f" ({values})" if values else "")
