"""What access rules and mappings make of one record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from scimsync.cli.explaining.model import Rule, Wanted
from scimsync.config.models import Config
from scimsync.desired import DesireError, Program, compile_program
from scimsync.desired.syntax import text_literal
from scimsync.desired.values import Constant, Ref
from scimsync.model.ids import (
    Document,
    Key,
    RemoteId,
    Value,
)
from scimsync.model.records import Record
from scimsync.plan.diff import SENSITIVE, veil
from scimsync.plan.model import GENERATE, REF


def hidden_columns(programs: Iterable[Program]) -> frozenset[str]:
    """Columns from which passwords are made."""
    return frozenset(
        column
        for program in programs
        for slot in program.slots
        if slot.source is not None and slot.path.rpartition(":")[2].lower() in SENSITIVE
        for column in slot.source.uses.columns
    )


def judge_rules(
    config: Config, programs: Sequence[Program], record: Record, today: date
) -> list[Rule]:
    """Which of the access rules that some target uses hold for `record`."""
    used = {rule for program in programs for rule in program.rules}
    judged = []
    for name, expression in config.access.items():
        if name not in used:
            continue  # the snapshot lacks columns that nothing else uses
        alone = compile_program(
            name,
            {"userName": Constant("-")},
            f"{text_literal(name)} in access",
            config.access,
            config.tables,
            config.path.name,
        )
        try:
            judged.append(Rule(name, expression, alone.desire(record, today).in_scope))
        except DesireError as error:
            judged.append(Rule(name, expression, None, error.detail))
    return judged


def want(program: Program, record: Record, today: date, hidden: frozenset[str]) -> Wanted:
    """What `program` gives for `record`; secrets veiled, references as markers."""
    try:
        desired = program.desire(record, today)
    except DesireError as error:
        return Wanted(failure=_failure(error, hidden))
    generated: dict[str, Value] = {
        path: {GENERATE: length} for path, length in desired.generate.items()
    }
    once = {path: _marked(path, value) for path, value in desired.once.items()}
    document = {path: _marked(path, value) for path, value in desired.document.items()}
    return Wanted(desired.in_scope, None, document, once | generated)


def referred(document: Document) -> list[Key]:
    """Keys that a document of `want` refers to."""
    return [
        Key(value[REF])
        for value in document.values()
        if isinstance(value, Mapping) and REF in value
    ]


def resolve(document: Document, accounts: Mapping[Key, RemoteId]) -> Document:
    """The document with references to `accounts` replaced by their remote ids."""
    return {
        path: accounts.get(Key(value[REF]), value)
        if isinstance(value, Mapping) and REF in value
        else value
        for path, value in document.items()
    }


def _marked(path: str, value: Value) -> Value:
    return {REF: value.key} if isinstance(value, Ref) else veil(path, value)


def _failure(error: DesireError, hidden: frozenset[str]) -> str:
    values = ", ".join(
        f"{name} = {'(secret)' if name in hidden else repr(value)}"
        for name, value in error.values.items()
    )
    parts = [error.where, " ".join(error.expression.split()), " ".join(error.detail.split())]
    return ": ".join(part for part in parts if part) + (f" ({values})" if values else "")
