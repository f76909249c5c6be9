"""Read the contents of gzip and ZIP files: a bounded copy of one file, as a stream of bytes.

`hr.csv.gz` is one file. `bundle.zip` is one file if it contains one that scimsync reads, and
`bundle.zip/users.csv` names one of several. Nothing is ever written under a name from an archive.
"""

from __future__ import annotations

import errno
import gzip
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, BinaryIO, NoReturn, cast

from scimsync.errors import SourceFormatError, SourceUnavailable

MOST_BYTES = 16 << 30
"""The most bytes that one file may have when unpacked."""

MOST_TIMES = 400
"""The most times its packed size that a file may have when unpacked. Repetitive exports reach about
50; zeros packed by deflate reach 1,032."""

SMALL_BYTES = 64 << 20  # bytes, below which the ratio does not matter
_CHUNK = 1 << 20
_ENCRYPTED = 0x1  # PKWARE APPNOTE 4.4.4, general purpose bit 0
_LOCAL_HEADER = b"PK\3\4"
_HIDDEN = re.compile(r"(?:^|/)(?:__MACOSX/|\.[^./])")

_FAULTS = (EOFError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, struct.error, ValueError)


@dataclass(frozen=True, slots=True)
class Packed:
    """How a file is packed: `member` is its name in a ZIP file, None for gzip."""

    member: str | None = None


def split_path(base_dir: Path, pattern: str) -> tuple[str, str | None]:
    """Return the path of a file, or a glob, and the name of a file inside of it.

    The second is None unless a ZIP file is followed by a name, as in `bundle.zip/users.csv`.
    """
    parts = pattern.split("/")
    for at, part in enumerate(parts[:-1], 1):
        outer = "/".join(parts[:at])
        if part.lower().endswith(".zip") and not (base_dir / outer).is_dir():
            return outer, "/".join(parts[at:])
    return pattern, None


def members(path: Path, where: str, label: str, supported: Sequence[str]) -> list[str]:
    """Return the names of the files in a ZIP file that have one of the extensions `supported`.

    `where` and `label` are for messages. Raise SourceUnavailable, SourceFormatError.
    """
    with explained(where, label, path), zipfile.ZipFile(path) as archive:
        return [
            name
            for name in archive.namelist()
            if name.lower().endswith(tuple(supported)) and not _HIDDEN.search(name)
        ]


def matching(names: Sequence[str], pattern: str) -> list[str]:
    """Return the names that `pattern` (a name or a glob) means, sorted."""
    if pattern in names:
        return [pattern]
    return sorted(name for name in names if fnmatchcase(name, pattern))


@contextmanager
def open_packed(path: Path, packed: Packed, where: str, label: str) -> Iterator[IO[bytes]]:
    """Open the content of a packed file.

    Raise SourceUnavailable for a file that is cut off, SourceFormatError for one that is damaged,
    encrypted, or packed by a method that Python does not know.
    """
    with explained(where, label, path):
        if packed.member is None:
            with gzip.open(path) as unzipped:
                yield cast(IO[bytes], unzipped)
            return
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(packed.member).flag_bits & _ENCRYPTED:
                raise SourceFormatError(
                    f"{where}: {label} is encrypted",
                    hint="export it without a password; limit who can read the file instead",
                    code="SYNC-0233",
                )
            with archive.open(packed.member) as stream:
                yield stream


def copy_bounded(
    stream: IO[bytes], target: BinaryIO, packed_size: int, where: str, label: str
) -> Iterator[bytes]:
    """Copy a stream to `target` and yield its pieces.

    Raise SourceFormatError if it has far more bytes than a file of people of `packed_size` bytes.
    """
    most = min(MOST_BYTES, max(SMALL_BYTES, packed_size * MOST_TIMES))
    total = 0
    while chunk := stream.read(_CHUNK):
        total += len(chunk)
        if total > most:
            raise SourceFormatError(
                f"{where}: {label} has more than {most:,} bytes when unpacked, from"
                f" {packed_size:,}",
                hint="a file of people is not that repetitive; unpack it and check it",
                code="SYNC-0233",
            )
        target.write(chunk)
        yield chunk


@contextmanager
def explained(where: str, label: str, path: Path) -> Iterator[None]:
    """Raise the faults of archives in plain words."""
    try:
        yield
    except _FAULTS as error:
        _explain(where, label, path, error)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        _explain(where, label, path, error)  # it points to places outside of the file
    except NotImplementedError as error:  # such as Deflate64
        raise SourceFormatError(
            f"{where}: {label} cannot be unpacked: {error}",
            hint="pack it as an ordinary ZIP file (deflate), or as .gz",
            code="SYNC-0233",
        ) from None


def _explain(where: str, label: str, path: Path, error: Exception) -> NoReturn:
    with path.open("rb") as stream:
        start = stream.read(4)
        stream.seek(max(0, os.fstat(stream.fileno()).st_size - 66_000))
        end_is_there = b"PK\5\6" in stream.read()
    is_zip = path.suffix.lower() != ".gz"
    if isinstance(error, EOFError) or (is_zip and start == _LOCAL_HEADER and not end_is_there):
        raise SourceUnavailable(
            f"{label} is cut off; is it still being written?",
            hint="try again when it is complete",
            code="SYNC-0201",
        ) from None
    kind = "ZIP" if is_zip else "gzip"
    is_other = start != _LOCAL_HEADER if is_zip else start[:2] != b"\x1f\x8b"
    if is_other and start[:4] != b"PK\5\6":
        raise SourceFormatError(f"{where}: {label} is not a {kind} file", code="SYNC-0233")
    raise SourceFormatError(
        f"{where}: {label} is damaged: {error}", hint="export it again", code="SYNC-0233"
    ) from None
