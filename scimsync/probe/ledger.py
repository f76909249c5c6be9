"""The ledger: what a probe makes, written before the request is sent, until it is gone.

A ledger is a file of its own for each run, with one JSON object on each line. The process that
writes it holds a lock on it: an unlocked ledger belongs to a run that ended early.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from scimsync.atomic_file import PRIVATE

_PREFIX: Final = "probe-"
_SUFFIX: Final = ".ledger"
_VERSION: Final = 1


@dataclass(slots=True)
class Made:
    """A resource that a run has made, or has tried to make.

    `attribute` is the one with one of its `names`: userName or displayName. `ids` are those that
    the server gave it: more than one if it made the same resource twice. `unanswered` is the number
    of requests that may have created it under an unknown id.
    """

    endpoint: str
    attribute: str
    names: tuple[str, ...]
    ids: set[str] = field(default_factory=set)
    unanswered: int = 0


class Ledger:
    """The resources of a run at the server `url` that may still be there."""

    def __init__(self, path: Path, descriptor: int, url: str) -> None:
        self.path = path
        self.url = url
        self._descriptor = descriptor
        self._made: dict[tuple[str, str], Made] = {}

    @property
    def made(self) -> tuple[Made, ...]:
        """What may still be there, in the order in which it was made."""
        return tuple(self._made.values())

    def will_make(self, endpoint: str, attribute: str, names: tuple[str, ...]) -> None:
        """Note a resource before each request that makes it is sent."""
        self._write({"make": [endpoint, attribute, *names]})

    def has_id(self, endpoint: str, name: str, resource_id: str) -> None:
        """Note the id of a resource, as the response to the request that made it says."""
        self._write({"id": [endpoint, name, resource_id]})

    def is_refused(self, endpoint: str, name: str) -> None:
        """Note that the server refused to make a resource."""
        self._write({"refused": [endpoint, name]})

    def is_removed(self, endpoint: str, name: str, resource_id: str) -> None:
        """Note that the resource with this id is proven to be gone."""
        if (endpoint, name) in self._made:
            self._write({"removed": [endpoint, name, resource_id]})

    def is_gone(self, made: Made) -> None:
        """Note that nothing with the names of `made` is left."""
        self._write({"gone": [made.endpoint, made.names[0]]})

    def close(self) -> None:
        """Release the file, and remove it if nothing is left in it."""
        if not self._made:
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def _write(self, line: Mapping[str, Any]) -> None:
        os.write(self._descriptor, orjson.dumps(line) + b"\n")
        os.fsync(self._descriptor)
        self._apply(line)

    def _apply(self, line: Mapping[str, Any]) -> None:
        match line:
            case {"make": [str(endpoint), str(attribute), str(name), *others]}:
                made = Made(endpoint, attribute, (name, *map(str, others)))
                self._made.setdefault((endpoint, name), made).unanswered += 1
            case {"id": [str(endpoint), str(name), str(resource_id)]}:
                self._made[endpoint, name].ids.add(resource_id)
                self._made[endpoint, name].unanswered -= 1
            case {"refused": [str(endpoint), str(name)]}:
                self._made[endpoint, name].unanswered -= 1
                self._forget_empty(endpoint, name)
            case {"removed": [str(endpoint), str(name), str(resource_id)]}:
                self._made[endpoint, name].ids.discard(resource_id)
                self._forget_empty(endpoint, name)
            case {"gone": [str(endpoint), str(name)]}:
                self._made.pop((endpoint, name), None)

    def _forget_empty(self, endpoint: str, name: str) -> None:
        made = self._made[endpoint, name]
        if not made.ids and not made.unanswered:
            del self._made[endpoint, name]

    def read(self, lines: list[bytes]) -> None:
        """Apply the lines of the file. The last one may be incomplete, if the process died."""
        for line in lines:
            try:
                self._apply(orjson.loads(line))
            except (orjson.JSONDecodeError, KeyError):
                continue


def new_ledger(folder: Path, url: str, run: str) -> Ledger:
    """Create the ledger of a run (mode 0600) and lock it. Raise OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{_PREFIX}{run}{_SUFFIX}"
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND
    descriptor = os.open(path, flags, PRIVATE)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    ledger = Ledger(path, descriptor, url)
    os.write(descriptor, orjson.dumps({"version": _VERSION, "url": url}) + b"\n")
    os.fsync(descriptor)
    return ledger


def abandoned_ledgers(folder: Path, url: str) -> Iterator[Ledger]:
    """Yield the ledgers of ended runs at the server `url`, each of them locked."""
    for path in sorted(folder.glob(f"{_PREFIX}*{_SUFFIX}")):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
        except OSError:
            continue
        if (ledger := _locked(path, descriptor, url)) is None:
            os.close(descriptor)
        else:
            yield ledger


def _locked(path: Path, descriptor: int, url: str) -> Ledger | None:
    """Return the ledger if it is that of `url` and no process works with it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return None
    if not path.exists():  # its process removed it between opening and locking
        return None
    first, *lines = path.read_bytes().split(b"\n")
    try:
        head = orjson.loads(first)
    except orjson.JSONDecodeError:
        head = {}
    if not isinstance(head, dict) or head.get("url") != url:
        return None
    if lines and lines[-1]:  # the process died while it wrote this line
        os.write(descriptor, b"\n")
    ledger = Ledger(path, descriptor, url)
    ledger.read(lines)
    return ledger
