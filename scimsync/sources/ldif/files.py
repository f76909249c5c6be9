"""Find LDIF files, open them, and notice when one changes while it is read."""

from __future__ import annotations

import gzip
import hashlib
import stat
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from scimsync.errors import GuardStop, SourceFormatError, SourceUnavailable
from scimsync.sources.base import SourceSpec
from scimsync.sources.ldif.settings import LdifSettings
from scimsync.sources.watching import Signature, matches, signature

_CHUNK = 1 << 20
_SAMPLE = 1 << 14  # bytes in one place
_SAMPLES = 16
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class LdifFile:
    """One file as it was found. `signature` changes when it is written or replaced."""

    path: Path
    label: str
    size: int
    signature: Signature
    is_compressed: bool


def find(spec: SourceSpec[LdifSettings]) -> tuple[LdifFile, ...]:
    """Return the files that `path` names, sorted; at least one.

    Raise SourceUnavailable (missing, a directory, not readable), GuardStop (empty).
    """
    pattern = spec.settings.path
    where = spec.setting("path")
    paths = matches(spec.base_dir, pattern)
    if not paths:
        raise SourceUnavailable(
            f"{where}: no file matches {pattern}",
            details=[f"looked in {spec.base_dir.absolute()}"],
            code="SYNC-0202",
        )
    return tuple(_look_at(spec, path, where) for path in paths)


def _look_at(spec: SourceSpec[LdifSettings], path: Path, where: str) -> LdifFile:
    base = spec.base_dir.absolute()
    label = str(path.relative_to(base) if path.is_relative_to(base) else path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            what = "a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise SourceUnavailable(f"{where}: {label} is {what}", code="SYNC-0202")
        with path.open("rb") as stream:
            start = stream.read(2)
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
    if not start:
        raise GuardStop(
            f"{label} is empty",
            hint="nothing is sent for an empty source; is it still being written?",
            code="SYNC-0505",
        )
    return LdifFile(path, label, status.st_size, signature(status), start == _GZIP)


@contextmanager
def opened(spec: SourceSpec[LdifSettings], file: LdifFile) -> Iterator[BinaryIO]:
    """Open a file, through gzip if it is compressed.

    Raise SourceUnavailable for one that is cut off, SourceFormatError for one that is damaged.
    """
    try:
        with file.path.open("rb") as stream:
            if not file.is_compressed:
                yield stream
            else:
                with gzip.open(stream) as unpacked:
                    yield cast(BinaryIO, unpacked)
    except EOFError:
        raise SourceUnavailable(
            f"{file.label} is cut off; is it still being written?",
            hint="try again",
            code="SYNC-0263",
        ) from None
    except (gzip.BadGzipFile, zlib.error):
        raise SourceFormatError(
            f"{spec.setting('path')}: {file.label} is damaged, or not all of it is gzip",
            hint="export it again",
            code="SYNC-0261",
        ) from None


def ensure_unchanged(files: Iterable[LdifFile]) -> None:
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


def digest(spec: SourceSpec[LdifSettings], files: Sequence[LdifFile]) -> str:
    """Return a digest of all bytes, and of the settings that decide how they are read."""
    total = hashlib.blake2b(spec.settings.model_dump_json().encode(), digest_size=20)
    for file in files:
        total.update(f"\0{file.label}\0{file.size}\0".encode())
        with file.path.open("rb", buffering=0) as stream:
            while chunk := stream.read(_CHUNK):
                total.update(chunk)
    return total.hexdigest()


def sample(files: Sequence[LdifFile]) -> str:
    """Return a digest of a few places in each file. Raise OSError."""
    total = hashlib.blake2b(digest_size=8)
    for file in files:
        with file.path.open("rb", buffering=0) as stream:
            for place in range(_SAMPLES):
                stream.seek(max(file.size - _SAMPLE, 0) * place // (_SAMPLES - 1))
                total.update(stream.read(_SAMPLE))
    return total.hexdigest()
