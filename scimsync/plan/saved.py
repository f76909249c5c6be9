"""Saved plans: fingerprint the requests, and check that a push would still send exactly these.

Besides the fingerprint, a plan file contains digests of the settings that decide where the requests
are sent and what follows from them. If one of them changes, the plan is refused.

A push plans again, and compares. A plan that the planner does not make, such as that of a revert,
carries its operations in the file instead: these are sent if their starting point is unchanged.

A digest over the whole file binds what `show` prints to what `push` uses (`plan_digest.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import orjson

from scimsync.errors import ConfigError
from scimsync.formatting import plural
from scimsync.model.ids import Key
from scimsync.model.operations import Operation
from scimsync.plan.definition import Plan, TargetPlan
from scimsync.plan.plan_digest import NAME, is_as_written
from scimsync.plan.plan_text import load_plan
from scimsync.plan.requests import request_documents
from scimsync.scim.messages import Requests

FORMAT = 5
"""The format of plan files."""

_WITHOUT_DIGEST = (3, 4)
"""Earlier formats, without a digest. In the second, plans contain operations."""

_MODULUS = 1 << 256

T = TypeVar("T")

Settings = Mapping[str, Mapping[str, str]]
"""Target -> name of a setting in its table -> digest of the value."""


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """The content of a plan file.

    `targets` and `keys` are the restrictions of the run, `settings` those that the plan was made
    with, `counts` the number of operations by target, and `fingerprint` identifies their requests.
    `carried` are the operations of a plan that has its own, as JSON, and `command` is the command
    that made it. `again` is the command that plans again, without `scimsync`. `refresh`: the plan
    repairs what differs at the targets, which a push has to read again. `made_at` is an ISO 8601
    time; it and the `urls` of targets are for display. `has_digest`: a change of the file would be
    noticed.
    """

    name: str
    targets: tuple[str, ...]
    keys: tuple[Key, ...]
    settings: Settings
    counts: Mapping[str, int]
    fingerprint: str
    carried: Mapping[str, Any] | None = None
    command: str = "plan"
    again: str = "plan --out FILE"
    refresh: bool = False
    made_at: str | None = None
    urls: Mapping[str, str] = field(default_factory=dict)
    has_digest: bool = True


@dataclass(frozen=True, slots=True)
class LoadedPlan:
    """The content of a file: a plan in the form of `plan --json`, and what is saved with it.

    Its operations may be read one by one. `saved` is None for the output of `plan --json`.
    """

    document: Any
    saved: SavedPlan | None


def shown_once(name: str, header: dict[str, Any], again: str) -> SavedPlan:
    """Return the plan that `header` is of, which is in no file: a push compares it with its own."""
    return replace(_saved(name, header), again=again)


def saved_header(
    plan: Plan, options: Mapping[str, Any], settings: Settings, made_at: datetime
) -> dict[str, Any]:
    """Return the contents of a plan file besides the plan.

    `options` are those of the command line. `made_at` and the URLs of the targets are for display.
    """
    fingerprints = {name: _fingerprint(target) for name, target in plan.targets.items()}
    return {
        "scimsync_plan": FORMAT,
        "made_at": made_at.astimezone(UTC).isoformat(timespec="seconds"),
        "urls": {name: target.url for name, target in plan.targets.items()},
        "options": dict(options),
        "settings": settings,
        "operations": {name: number for name, (number, _) in fingerprints.items()},
        "fingerprint": _joined(fingerprints),
    }


def carrying_header(
    header: Mapping[str, Any], carried: Mapping[str, Any], command: str
) -> dict[str, Any]:
    """Return the header of a plan that carries its operations.

    `carried` are these as JSON, and `command` is the one that made them.
    """
    return {
        **header,
        "command": command,
        "fingerprint": _digest_of(carried),
        "carried": carried,
    }


def _digest_of(carried: Mapping[str, Any]) -> str:
    text = orjson.dumps(carried, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def read_saved(path: Path) -> SavedPlan:
    """Return the plan in a plan file; raise ConfigError for any other file."""
    saved = load_file(path).saved
    if saved is None:
        raise no_plan(path)
    return saved


def load_file(path: Path) -> LoadedPlan:
    """Return the content of a file with a plan.

    Raise ConfigError if it cannot be read, has no plan, or is not as it was written.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{path}: the plan cannot be read: {error.strerror}", code="SYNC-0909"
        ) from error
    try:
        whole = load_plan(content)
        if "plan" not in whole and "saved" not in whole:
            return LoadedPlan(whole, None)
        return LoadedPlan(_typed(whole["plan"], dict), _checked(path, content, whole))
    except ValueError as error:  # JSONDecodeError
        raise (_changed if content.startswith(_START) else no_plan)(path) from error
    except (LookupError, TypeError) as error:
        raise no_plan(path) from error


_START = b'{"saved":'
"""The first bytes of plan files."""


def _checked(path: Path, content: bytes, whole: dict[str, Any]) -> SavedPlan:
    """Return the header of a plan file. Raise ConfigError, or KeyError or TypeError without one."""
    head = _typed(whole["saved"], dict)
    version = _typed(head["scimsync_plan"], int)
    if version != FORMAT and version not in _WITHOUT_DIGEST:
        raise ConfigError(
            f"{path}: this plan was saved by another version of scimsync",
            hint=f"make it again: scimsync plan --out {path.name}",
            code="SYNC-0909",
        )
    has_digest = version == FORMAT or NAME in whole
    if has_digest and not is_as_written(content):
        raise _changed(path)
    saved = replace(_saved(path.name, head), has_digest=has_digest)
    return _carrying(saved, head) if version == 4 or "carried" in head else saved


def no_plan(path: Path) -> ConfigError:
    """Return the error for a file that has no plan."""
    return ConfigError(
        f"{path}: this is not a saved plan",
        hint="make one: scimsync plan --out FILE",
        code="SYNC-0909",
    )


def _changed(path: Path) -> ConfigError:
    return ConfigError(
        f"{path}: the file was changed or truncated after it was saved; a push might not do what"
        " it shows",
        hint=f"make the plan again with the same command, such as scimsync plan --out {path.name}",
        code="SYNC-0918",
    )


def _saved(name: str, head: dict[str, Any]) -> SavedPlan:
    """Return the plan whose header is `head`. Raise KeyError or TypeError if it is not one."""
    settings = _typed(head["settings"], dict)
    options = _typed(head["options"], dict)
    refresh = _typed(options.get("refresh", False), bool)
    saved = SavedPlan(
        name=name,
        targets=tuple(_typed(target, str) for target in _typed(options["targets"], list)),
        keys=tuple(Key(_typed(key, str)) for key in _typed(options["keys"], list)),
        settings={
            target: {setting: _typed(digest, str) for setting, digest in _typed(each, dict).items()}
            for target, each in settings.items()
        },
        counts={
            target: _typed(number, int)
            for target, number in _typed(head["operations"], dict).items()
        },
        fingerprint=_typed(head["fingerprint"], str),
        refresh=refresh,
        made_at=None if head.get("made_at") is None else _typed(head["made_at"], str),
        urls={name: _typed(url, str) for name, url in _typed(head.get("urls", {}), dict).items()},
    )
    return replace(saved, again=_again(f"plan{' --refresh' if refresh else ''}", saved))


def _carrying(saved: SavedPlan, head: dict[str, Any]) -> SavedPlan:
    """Return a plan with its operations. Raise KeyError or TypeError if they are not as saved."""
    carried = _typed(head["carried"], dict)
    if _digest_of(carried) != saved.fingerprint:
        raise TypeError
    command = _typed(head["command"], str)
    return replace(saved, carried=carried, command=command, again=_again(command, saved))


def _again(command: str, saved: SavedPlan) -> str:
    """Return the command that makes a plan again, with its restrictions. It names no users."""
    targets = "".join(f" -t {name}" for name in saved.targets)
    return f"{command}{targets}{' -k KEY' if saved.keys else ''} --out FILE"


def _typed(value: Any, kind: type[T]) -> T:
    if type(value) is not kind:  # a bool is not a number
        raise TypeError
    return value


def changed_settings(saved: SavedPlan, settings: Settings) -> str | None:
    """Return which settings of sync.toml have changed since a plan was saved, or None."""
    words = []
    for target in sorted({*saved.settings, *settings}):
        then, now = saved.settings.get(target), settings.get(target)
        if then is None or now is None:
            words.append(f"{target}: {'new' if then is None else 'no longer a target'}")
        elif names := sorted(name for name in {*then, *now} if then.get(name) != now.get(name)):
            words.append(f"{target}: {', '.join(names)}")
    return _outdated(saved, "; ".join(words)) if words else None


def why_outdated(saved: SavedPlan, plan: Plan) -> str | None:
    """Return why a saved plan must not be executed.

    None means that a push would send exactly its requests, which are those of `plan`.
    """
    fingerprints = {name: _fingerprint(target) for name, target in plan.targets.items()}
    if _joined(fingerprints) == saved.fingerprint:
        return None
    differences = [
        f"{name}: {plural(saved.counts.get(name, 0), 'operation')} then, {number} now"
        for name, (number, _) in fingerprints.items()
        if number != saved.counts.get(name, 0)
    ]
    return _outdated(
        saved, "; ".join(differences) or ("the same number of operations, but different ones")
    )


def _outdated(saved: SavedPlan, what: str) -> str:
    return f"{saved.name} is out of date: sources, state or configuration have changed ({what})"


def _fingerprint(plan: TargetPlan) -> tuple[int, str]:
    """Return the number of operations, and a digest of them that does not depend on their order."""
    total, number = 0, 0
    for operation, requests in plan.requests():
        digest = _digest(plan.name, operation, requests)
        total = (total + int.from_bytes(digest, "big")) % _MODULUS
        number += 1
    return number, f"{total:064x}"


def _digest(target: str, operation: Operation, requests: Requests) -> bytes:
    changes = [[change.path, change.before, change.after] for change in operation.changes]
    identity = [
        target,
        operation.kind,
        operation.key,
        operation.action,
        operation.remote_id,
        changes,
        request_documents(requests),
    ]
    text = orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=32).digest()


def _joined(fingerprints: Mapping[str, tuple[int, str]]) -> str:
    digests = sorted((name, digest) for name, (_, digest) in fingerprints.items())
    return hashlib.blake2b(orjson.dumps(digests), digest_size=16).hexdigest()
