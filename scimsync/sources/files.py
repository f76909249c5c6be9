"""Which files a source is made of, and whether they stayed the same while they were read."""

from __future__ import annotations

import codecs
import glob
import hashlib
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scimsync.errors import GuardStop, SourceFormatError, SourceUnavailable
from scimsync.sources import encodings
from scimsync.sources.spec import FileSpec

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
}
"""File name extension -> format."""

Signature = tuple[int, ...]
"""Device, inode, size in bytes, time of the last change of its bytes, and of anything about it, in
nanoseconds."""

_CHUNK = 1 << 20
_SAMPLE = 1 << 14  # bytes of one place
_SAMPLES = 16
_LATER = {".xlsx", ".xls", ".yaml", ".yml"}


@dataclass(frozen=True, slots=True)
class File:
    """One file as it was found. `label` is its path as a person would write it; `encoding` a Python
    codec name, or None for Parquet; `signature` changes when the file is written or replaced."""

    path: Path
    label: str
    format: str
    encoding: str | None
    size: int
    signature: Signature

    @property
    def is_utf8(self) -> bool:
        """True if DuckDB can read the text as it is."""
        return self.encoding in (None, "utf-8", "utf-8-sig")


def find(spec: FileSpec, pattern: str, option: str = "path") -> tuple[File, ...]:
    """The files that `pattern` (a path or a glob) names, sorted by path; at least one.

    `option` is the setting that names them. Raises SourceUnavailable (missing, a directory, not
    readable), SourceFormatError (a format that is not known, several formats at once), GuardStop (a
    file of zero bytes).
    """
    where = spec.setting(option)
    paths = matches(spec.base_dir, pattern)
    if not paths:
        raise SourceUnavailable(
            f"{where}: no file matches {pattern}", details=[f"looked in {spec.base_dir.absolute()}"]
        )
    files = tuple(_look_at(spec, path, where) for path in paths)
    formats = sorted({file.format for file in files})
    if len(formats) > 1:
        raise SourceFormatError(
            f"{where}: {pattern} matches files of several formats: {', '.join(formats)}"
        )
    return files


def matches(base_dir: Path, pattern: str) -> list[Path]:
    """The paths that `pattern` (a path or a glob, relative to `base_dir`) means, sorted; a path
    need not exist."""
    base = base_dir.absolute()
    whole = os.path.normpath(base / pattern)
    if not glob.has_magic(pattern) or os.path.lexists(whole):
        return [Path(whole)]
    found = glob.glob(pattern, root_dir=base, recursive=True)  # noqa: PTH207 - absolute ones too
    return [
        path
        for path in map(Path, sorted(str(base / match) for match in found))
        if not path.is_dir()
    ]


def ensure_unchanged(files: Iterable[File]) -> None:
    """Raises SourceUnavailable if a file was written or replaced since `find` looked at it."""
    for file in files:
        try:
            now: Signature | None = signature(file.path.stat())
        except OSError:
            now = None
        if now != file.signature:
            raise SourceUnavailable(
                f"{file.label} changed while it was read; is it still being written?",
                hint="try again",
            )


def digest(spec: FileSpec, files: Sequence[File], about: str) -> str:
    """Hex digest of `about` and of all bytes of `files`.

    On the way, text that should be UTF-8 is checked: raises SourceFormatError with the line where
    it is not.
    """
    total = hashlib.blake2b(about.encode(), digest_size=20)
    for file in files:
        total.update(f"\0{file.label}\0{file.size}\0".encode())
        check = file.encoding is not None and file.is_utf8
        decoder = codecs.getincrementaldecoder("utf-8")()
        plain = True
        with file.path.open("rb", buffering=0) as stream:
            try:
                while chunk := stream.read(_CHUNK):
                    total.update(chunk)
                    if check and not (plain and chunk.isascii()):
                        decoder.decode(chunk)
                        plain = decoder.getstate()[0] == b""
                if check:
                    decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                encodings.explain(spec, file.path, file.label, "utf-8")
    return total.hexdigest()


def sample(files: Sequence[File]) -> str:
    """Hex digest of a few places of each of `files`: where it is another one, so is `digest`.
    Raises OSError."""
    total = hashlib.blake2b(digest_size=8)
    for file in files:
        with file.path.open("rb", buffering=0) as stream:
            for place in range(_SAMPLES):
                stream.seek(max(file.size - _SAMPLE, 0) * place // (_SAMPLES - 1))
                total.update(stream.read(_SAMPLE))
    return total.hexdigest()


def _look_at(spec: FileSpec, path: Path, where: str) -> File:
    label = (
        str(path.relative_to(spec.base_dir.absolute()))
        if path.is_relative_to(spec.base_dir.absolute())
        else str(path)
    )
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise SourceUnavailable(
                f"{where}: {label} is a directory",
                hint=f'a glob reads all files in it: "{label}/*.csv"',
            )
        if not stat.S_ISREG(status.st_mode):
            raise SourceUnavailable(f"{where}: {label} is not a regular file")
        with path.open("rb") as stream:
            start = stream.read(4)
    except FileNotFoundError:
        raise SourceUnavailable(
            f"{where}: there is no file {label}", details=[f"looked in {path.parent}"]
        ) from None
    except OSError as error:
        raise SourceUnavailable(f"{where}: {label} cannot be read: {error.strerror}") from None
    extension = path.suffix.lower()
    if extension not in FORMATS:
        what = (
            f"{extension[1:]} is not supported yet"
            if extension in _LATER
            else f'unknown extension "{extension}"'
        )
        raise SourceFormatError(
            f"{where}: {label}: {what}", details=[f"supported: {', '.join(e[1:] for e in FORMATS)}"]
        )
    if status.st_size == 0:
        raise GuardStop(
            f"{label} is empty",
            hint="nothing is sent for an empty source; is it still being written?",
        )
    encoding = None if FORMATS[extension] == "parquet" else encodings.detect(spec, start)
    return File(path, label, FORMATS[extension], encoding, status.st_size, signature(status))


def signature(status: os.stat_result) -> Signature:
    """What changes when a file is written or replaced."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
