"""Saved plans: fingerprint the operations, and check that a push would still send exactly these."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from scimsync.errors import ConfigError
from scimsync.model.ids import Key
from scimsync.model.operations import Operation
from scimsync.plan.definition import Plan, TargetPlan

FORMAT = 2
_MODULUS = 1 << 256


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """The content of a plan file.

    `targets` and `keys` are the restrictions of the run, `counts` the number of operations by
    target, and `fingerprint` identifies these operations.
    """

    name: str
    targets: tuple[str, ...]
    keys: tuple[Key, ...]
    counts: Mapping[str, int]
    fingerprint: str


def saved_header(plan: Plan, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a plan file holds beside the plan. `options` are those of the command line."""
    fingerprints = {name: _fingerprint(target) for name, target in plan.targets.items()}
    return {
        "scimsync_plan": FORMAT,
        "options": dict(options),
        "operations": {name: number for name, (number, _) in fingerprints.items()},
        "fingerprint": _joined(fingerprints),
    }


def read_saved(path: Path) -> SavedPlan:
    """Return the plan in a plan file; raise ConfigError if the file is none."""
    try:
        document = orjson.loads(path.read_bytes())
        head = document["saved"]
        if head["scimsync_plan"] != FORMAT:
            raise ConfigError(
                f"{path}: this plan was saved by another version of scimsync",
                hint="make it again: plan --out",
                code="SYNC-0909",
            )
        return SavedPlan(
            name=path.name,
            targets=tuple(head["options"]["targets"]),
            keys=tuple(Key(key) for key in head["options"]["keys"]),
            counts=dict(head["operations"]),
            fingerprint=str(head["fingerprint"]),
        )
    except OSError as error:
        raise ConfigError(
            f"{path}: the plan cannot be read: {error.strerror}", code="SYNC-0909"
        ) from error
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path}: this is no saved plan",
            hint=f"scimsync plan --out {path.name} makes one",
            code="SYNC-0909",
        ) from error


def why_outdated(saved: SavedPlan, plan: Plan) -> str | None:
    """Return why a saved plan must not be executed.

    None means that a push would send exactly its operations, which are those of `plan`.
    """
    fingerprints = {name: _fingerprint(target) for name, target in plan.targets.items()}
    if _joined(fingerprints) == saved.fingerprint:
        return None
    differences = [
        f"{name}: {saved.counts.get(name, 0)} operations then, {number} now"
        for name, (number, _) in fingerprints.items()
        if number != saved.counts.get(name, 0)
    ]
    what = "; ".join(differences) or "as many operations as then, but others"
    return f"{saved.name} is out of date: sources, state or configuration have changed ({what})"


def _fingerprint(plan: TargetPlan) -> tuple[int, str]:
    """Return the number of operations, and a digest of them that does not depend on their order."""
    total, number = 0, 0
    for operation in plan.operations():
        total = (total + int.from_bytes(_digest(plan.name, operation), "big")) % _MODULUS
        number += 1
    return number, f"{total:064x}"


def _digest(target: str, operation: Operation) -> bytes:
    changes = [[change.path, change.before, change.after] for change in operation.changes]
    identity = [
        target,
        operation.kind,
        operation.key,
        operation.action,
        operation.remote_id,
        changes,
    ]
    text = orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=32).digest()


def _joined(fingerprints: Mapping[str, tuple[int, str]]) -> str:
    digests = sorted((name, digest) for name, (_, digest) in fingerprints.items())
    return hashlib.blake2b(orjson.dumps(digests), digest_size=16).hexdigest()
