"""Find LDIF files, and open them."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from scimsync.errors import SourceFormatError, SourceUnavailable
from scimsync.sources.base import SourceSpec
from scimsync.sources.found_files import CHUNK, empty_file, existing_matches, look_at
from scimsync.sources.ldif.settings import LdifSettings
from scimsync.sources.watching import Signature, signature

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
    where = spec.setting("path")
    paths = existing_matches(spec, spec.settings.path, where)
    return tuple(_look_at(spec, path, where) for path in paths)


def _look_at(spec: SourceSpec[LdifSettings], path: Path, where: str) -> LdifFile:
    look = look_at(spec, path, where)
    if not look.start:
        raise empty_file(look.label)
    is_compressed = look.start.startswith(_GZIP)
    size = look.status.st_size
    return LdifFile(path, look.label, size, signature(look.status), is_compressed)


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


def digest(spec: SourceSpec[LdifSettings], files: Sequence[LdifFile]) -> str:
    """Return a digest of all bytes, and of the settings that decide how they are read."""
    total = hashlib.blake2b(spec.settings.model_dump_json().encode(), digest_size=20)
    for file in files:
        total.update(f"\0{file.label}\0{file.size}\0".encode())
        with file.path.open("rb", buffering=0) as stream:
            while chunk := stream.read(CHUNK):
                total.update(chunk)
    return total.hexdigest()
