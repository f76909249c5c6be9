"""Saved plans: a fingerprint of the operations that a person has read, and whether a push would
still send just these."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from scimsync.errors import ConfigError
from scimsync.execute.books import Books
from scimsync.model.ids import Key
from scimsync.model.operations import OPEN_STATUSES, JournaledOperation, OperationFilter
from scimsync.state import journal

FORMAT = 1
_MODULUS = 1 << 256


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What a plan file says: the run's restrictions, how many operations each target gets, and
    their fingerprint."""

    name: str
    targets: tuple[str, ...]
    keys: tuple[Key, ...]
    counts: Mapping[str, int]
    fingerprint: str


def fingerprint(books: Books, target: str) -> tuple[int, str]:
    """How many operations a run has planned for a target, and a digest of them that does not depend
    on their order."""
    total, number = 0, 0
    with books.journal.read() as connection:
        for entry in journal.find(
            connection, OperationFilter(run=books.run, target=target, statuses=OPEN_STATUSES)
        ):
            total = (total + int.from_bytes(_digest(entry), "big")) % _MODULUS
            number += 1
    return number, f"{total:064x}"


def header(books: Books, targets: tuple[str, ...], options: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in a plan file beside the plan."""
    marks = {name: fingerprint(books, name) for name in targets}
    return {
        "scimsync_plan": FORMAT,
        "options": dict(options),
        "operations": {name: number for name, (number, _) in marks.items()},
        "fingerprint": _joined({name: mark for name, (_, mark) in marks.items()}),
    }


def read_saved(path: Path) -> SavedPlan:
    """Reads a plan file. Raises ConfigError where it is none."""
    try:
        document = orjson.loads(path.read_bytes())
        head = document["saved"]
        if head["scimsync_plan"] != FORMAT:
            raise ConfigError(
                f"{path}: this plan was saved by another version of scimsync",
                hint="make it again: plan --out",
            )
        return SavedPlan(
            name=path.name,
            targets=tuple(head["options"]["targets"]),
            keys=tuple(Key(key) for key in head["options"]["keys"]),
            counts=dict(head["operations"]),
            fingerprint=str(head["fingerprint"]),
        )
    except OSError as error:
        raise ConfigError(f"{path}: the plan cannot be read: {error.strerror}") from error
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path}: this is no saved plan", hint=f"scimsync plan --out {path.name} makes one"
        ) from error


def moved_on(saved: SavedPlan, books: Books, targets: tuple[str, ...]) -> str | None:
    """Why a saved plan must not be carried out, or None where a push would send exactly its
    operations."""
    marks = {name: fingerprint(books, name) for name in targets}
    if _joined({name: mark for name, (_, mark) in marks.items()}) == saved.fingerprint:
        return None
    said = [
        f"{name} {saved.counts.get(name, 0)} operations then, {number} now"
        for name, (number, _) in marks.items()
        if number != saved.counts.get(name, 0)
    ]
    what = "; ".join(said) or "as many operations as then, but not the same"
    return (
        f"{saved.name}: source, state or configuration has moved on since this plan was made"
        f" ({what}). Make it again: plan --out"
    )


def _digest(entry: JournaledOperation) -> bytes:
    changes = [[change.path, change.before, change.after] for change in entry.changes]
    text = orjson.dumps(
        [entry.target, entry.kind, entry.key, entry.action, entry.remote_id, changes],
        option=orjson.OPT_SORT_KEYS,
    )
    return hashlib.blake2b(text, digest_size=32).digest()


def _joined(marks: Mapping[str, str]) -> str:
    return hashlib.blake2b(orjson.dumps(sorted(marks.items())), digest_size=16).hexdigest()
