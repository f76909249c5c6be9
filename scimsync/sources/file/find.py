"""Find the files of a source, and notice when one changes while it is read."""

from __future__ import annotations

import codecs
import hashlib
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scimsync.errors import GuardStop, SourceFormatError, SourceUnavailable
from scimsync.sources.base import SourceSpec
from scimsync.sources.file import encodings
from scimsync.sources.file.settings import FileSettings
from scimsync.sources.watching import Signature, matches, signature

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
}
"""File name extension -> format."""

_CHUNK = 1 << 20
_SAMPLE = 1 << 14  # bytes in one place
_SAMPLES = 16


@dataclass(frozen=True, slots=True)
class File:
    """One file as it was found.

    `label` is its path as a person would write it, `encoding` a Python codec name, or None for
    Parquet. `signature` changes when the file is written or replaced.
    """

    path: Path
    label: str
    format: str
    encoding: str | None
    size: int
    signature: Signature

    @property
    def is_utf8(self) -> bool:
        """Whether DuckDB can read the text as it is."""
        return self.encoding in (None, "utf-8", "utf-8-sig")


def find(spec: SourceSpec[FileSettings], pattern: str, option: str) -> tuple[File, ...]:
    """Return the files that `pattern` (a path or a glob) names, sorted by path; at least one.

    `option` is the setting that names them. Raise SourceUnavailable (missing, a directory, not
    readable), SourceFormatError (an unknown format, several formats at once), GuardStop (a file of
    zero bytes).
    """
    where = spec.setting(option)
    paths = matches(spec.base_dir, pattern)
    if not paths:
        raise SourceUnavailable(
            f"{where}: no file matches {pattern}",
            details=[f"looked in {spec.base_dir.absolute()}"],
            code="SYNC-0202",
        )
    files = tuple(_look_at(spec, path, where) for path in paths)
    formats = sorted({file.format for file in files})
    if len(formats) > 1:
        raise SourceFormatError(
            f"{where}: {pattern} matches files of several formats: {', '.join(formats)}",
            code="SYNC-0204",
        )
    return files


def ensure_unchanged(files: Iterable[File]) -> None:
    """Raise SourceUnavailable if a file was written or replaced since `find` looked at it."""
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


def digest(spec: SourceSpec[FileSettings], files: Sequence[File]) -> str:
    """Return a digest of all bytes of `files` and of the settings that decide how they are read.

    On the way, text that should be UTF-8 is checked: raises SourceFormatError with the line of
    wrong bytes.
    """
    total = hashlib.blake2b(spec.settings.model_dump_json().encode(), digest_size=20)
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


def sample_digest(files: Sequence[File]) -> str:
    """Return a digest of a few places in each of `files`. Raise OSError."""
    total = hashlib.blake2b(digest_size=8)
    for file in files:
        with file.path.open("rb", buffering=0) as stream:
            for place in range(_SAMPLES):
                stream.seek(max(file.size - _SAMPLE, 0) * place // (_SAMPLES - 1))
                total.update(stream.read(_SAMPLE))
    return total.hexdigest()


def _look_at(spec: SourceSpec[FileSettings], path: Path, where: str) -> File:
    base = spec.base_dir.absolute()
    label = str(path.relative_to(base) if path.is_relative_to(base) else path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise SourceUnavailable(
                f"{where}: {label} is a directory",
                hint=f'a glob reads all files in it: "{label}/*.csv"',
                code="SYNC-0202",
            )
        if not stat.S_ISREG(status.st_mode):
            raise SourceUnavailable(f"{where}: {label} is not a regular file", code="SYNC-0202")
        with path.open("rb") as stream:
            start = stream.read(4)
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
    extension = path.suffix.lower()
    if extension not in FORMATS:
        raise SourceFormatError(
            f'{where}: {label}: unknown extension "{extension}"',
            code="SYNC-0204",
            details=[f"supported: {', '.join(e[1:] for e in FORMATS)}"],
        )
    if status.st_size == 0:
        raise GuardStop(
            f"{label} is empty",
            hint="nothing is sent for an empty source; is it still being written?",
            code="SYNC-0505",
        )
    encoding = (
        None if FORMATS[extension] == "parquet" else encodings.detect(spec.settings.encoding, start)
    )
    return File(path, label, FORMATS[extension], encoding, status.st_size, signature(status))
