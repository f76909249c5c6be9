"""What sources share that are made of files: find them, and notice when one changes."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from scimsync.errors import GuardStop, SourceUnavailable
from scimsync.sources.base import SourceSpec
from scimsync.sources.watching import Signature, matches, signature

CHUNK = 1 << 20
"""How many bytes are read at once."""

_START = 4
_SAMPLE = 1 << 14  # bytes in one place
_SAMPLES = 16


class FoundFile(Protocol):
    """A file as it was found. `signature` changes when it is written or replaced."""

    @property
    def path(self) -> Path: ...

    @property
    def label(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def signature(self) -> Signature: ...


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What a first look at a file shows: its path as a person would write it, and 4 bytes."""

    label: str
    status: os.stat_result
    start: bytes


def existing_matches(
    spec: SourceSpec[Any], pattern: str, where: str, shown: str | None = None
) -> list[Path]:
    """Return the paths that a path or glob means, which need not exist; at least one.

    Messages begin with `where` and call the pattern `shown`. Raise SourceUnavailable.
    """
    paths = matches(spec.base_dir, pattern)
    if not paths:
        raise SourceUnavailable(
            f"{where}: no file matches {shown or pattern}",
            details=[f"looked in {spec.base_dir.absolute()}"],
            code="SYNC-0202",
        )
    return paths


def look_at(spec: SourceSpec[Any], path: Path, where: str, example: str | None = None) -> FirstLook:
    """Look at a file, which may be empty.

    Where it is a directory, the message proposes a glob with the pattern `example`. Raise
    SourceUnavailable (missing, not a regular file, not readable).
    """
    base = spec.base_dir.absolute()
    label = str(path.relative_to(base) if path.is_relative_to(base) else path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise SourceUnavailable(
                f"{where}: {label} is a directory",
                hint=example and f'a glob reads all files in it: "{label}/{example}"',
                code="SYNC-0202",
            )
        if not stat.S_ISREG(status.st_mode):
            raise SourceUnavailable(f"{where}: {label} is not a regular file", code="SYNC-0202")
        with path.open("rb") as stream:
            return FirstLook(label, status, stream.read(_START))
    except FileNotFoundError:
        raise SourceUnavailable(
            f"{where}: there is no file {label}",
            details=[f"looked in {path.parent}"],
            code="SYNC-0202",
        ) from None
    except OSError as error:
        raise SourceUnavailable(
            f"{where}: {label} cannot be read: {error.strerror}", code="SYNC-0203"
        ) from None


def empty_file(label: str) -> GuardStop:
    """Return the error for a file without a byte."""
    return GuardStop(
        f"{label} is empty",
        hint="nothing is sent for an empty source; is it still being written?",
        code="SYNC-0505",
    )


def ensure_unchanged(files: Iterable[FoundFile]) -> None:
    """Raise SourceUnavailable if a file was written or replaced since it was found."""
    for file in files:
        try:
            now: Signature | None = signature(file.path.stat())
        except OSError:
            now = None
        if now != file.signature:
            raise SourceUnavailable(
                f"{file.label} changed while it was read; is it still being written?",
                hint="try again",
                code="SYNC-0201",
            )


def sample_digest(files: Sequence[FoundFile]) -> str:
    """Return a digest of a few places in each of `files`. Raise OSError."""
    total = hashlib.blake2b(digest_size=8)
    for file in files:
        with file.path.open("rb", buffering=0) as stream:
            for place in range(_SAMPLES):
                stream.seek(max(file.size - _SAMPLE, 0) * place // (_SAMPLES - 1))
                total.update(stream.read(_SAMPLE))
    return total.hexdigest()
