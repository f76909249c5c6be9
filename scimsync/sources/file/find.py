"""Find the files of a source, including those in gzip and ZIP files, and their formats."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scimsync.errors import SourceFormatError
from scimsync.sources.base import SourceSpec
from scimsync.sources.file import encodings
from scimsync.sources.file.packed import Packed, matching, members, open_packed, split_path
from scimsync.sources.file.settings import FileSettings
from scimsync.sources.found_files import CHUNK, empty_file, existing_matches, look_at
from scimsync.sources.watching import Signature, signature

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xls": "excel",
    ".xlsb": "excel",
    ".ods": "excel",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".toml": "toml",
}
"""File name extension -> format."""

_PACKED = (".gz", ".zip")
_LISTED = 10
_BINARY = ("parquet", "excel")


@dataclass(frozen=True, slots=True)
class File:
    """One file as it was found, or one in a ZIP file.

    `label` is its path as a person would write it, `encoding` a Python codec name, or None for
    formats that are not text. `path`, `size` and `signature`, which changes when the file is
    written or replaced, are those of the gzip or ZIP file if it is `packed`.
    """

    path: Path
    label: str
    format: str
    encoding: str | None
    size: int
    signature: Signature
    packed: Packed | None = None

    @property
    def is_utf8(self) -> bool:
        """Whether DuckDB can read the text as it is."""
        return self.encoding in (None, "utf-8", "utf-8-sig")


def find(spec: SourceSpec[FileSettings], pattern: str, option: str) -> tuple[File, ...]:
    """Return the files that `pattern` (a path or a glob) names, sorted by path; at least one.

    `option` is the setting that names them. A ZIP file is the files in it that `pattern` names, or
    the only one. Raise SourceUnavailable (missing, a directory, not
    readable), SourceFormatError (an unknown format, several formats at once), GuardStop (a file of
    zero bytes).
    """
    where = spec.setting(option)
    outer, inner = split_path(spec.base_dir, pattern)
    paths = existing_matches(spec, outer, where, pattern)
    files = tuple(file for path in paths for file in _look_at(spec, path, where, inner))
    formats = sorted({file.format for file in files})
    if len(formats) > 1:
        raise SourceFormatError(
            f"{where}: {pattern} matches files of several formats: {', '.join(formats)}",
            code="SYNC-0204",
        )
    return files


def digest(spec: SourceSpec[FileSettings], files: Sequence[File]) -> str:
    """Return a digest of all bytes of `files` and of the settings that decide how they are read.

    On the way, text that should be UTF-8 is checked: raises SourceFormatError with the line of
    wrong bytes.
    """
    total = hashlib.blake2b(spec.settings.model_dump_json().encode(), digest_size=20)
    for file in files:
        total.update(f"\0{file.label}\0{file.size}\0".encode())
        # a packed file is checked when unpacked
        check = file.encoding is not None and file.is_utf8 and file.packed is None
        decoder = codecs.getincrementaldecoder("utf-8")()
        plain = True
        with file.path.open("rb", buffering=0) as stream:
            try:
                while chunk := stream.read(CHUNK):
                    total.update(chunk)
                    if check and not (plain and chunk.isascii()):
                        decoder.decode(chunk)
                        plain = decoder.getstate()[0] == b""
                if check:
                    decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                encodings.explain(spec, file.path, file.label, "utf-8")
    return total.hexdigest()


def is_source(path: Path) -> bool:
    """Return whether the name of a file is that of a format, packed or not."""
    extension = path.suffix.lower()
    return (
        extension == ".zip" or _extension(path.stem if extension == ".gz" else path.name) in FORMATS
    )


def _look_at(
    spec: SourceSpec[FileSettings], path: Path, where: str, inner: str | None
) -> Iterator[File]:
    """Yield the file `path`, or those in it that `inner` names."""
    look = look_at(spec, path, where, "*.csv")
    label, start = look.label, look.start
    if path.suffix.lower() not in _PACKED:
        _known_format(path.name, label, where)
    if look.status.st_size == 0:
        raise empty_file(label)
    outer = File(path, label, "", None, look.status.st_size, signature(look.status))
    for file in _contents(outer, where, inner):
        form = _known_format(inner_name(file), file.label, where)
        if file.packed is not None:
            with open_packed(path, file.packed, where, file.label) as packed:
                start = packed.read(4)
            if not start:
                raise empty_file(file.label)
        is_binary = form in _BINARY
        encoding = None if is_binary else encodings.detect(spec.settings.encoding, start)
        yield replace(file, format=form, encoding=encoding)


def _contents(outer: File, where: str, inner: str | None) -> Iterator[File]:
    """Yield the file, or those in it, without their formats."""
    if outer.path.suffix.lower() == ".gz":
        yield replace(outer, packed=Packed())
        return
    if outer.path.suffix.lower() != ".zip":
        yield outer
        return
    names = members(outer.path, where, outer.label, tuple(FORMATS))
    found = names if inner is None else matching(names, inner)
    if not found or (inner is None and len(found) > 1):
        problem = (
            f"there is no {inner} in {outer.label}"
            if inner is not None
            else f"{outer.label} contains {'several files' if found else 'no file to read'}"
        )
        listed = ", ".join(names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
        raise SourceFormatError(
            f"{where}: {problem}",
            details=[f"found: {listed}"] if names else [f"supported: {_supported()}"],
            hint=f'name one of them: "{outer.label}/{names[0]}"' if names else None,
            code="SYNC-0233",
        )
    for name in found:
        yield replace(outer, label=f"{outer.label}/{name}", packed=Packed(name))


def _known_format(name: str, label: str, where: str) -> str:
    """Return the format of a file of this name. Raise SourceFormatError for an unknown one."""
    extension = _extension(name)
    if extension not in FORMATS:
        raise SourceFormatError(
            f'{where}: {label}: unknown extension "{extension}"',
            code="SYNC-0204",
            details=[f"supported: {_supported()}"],
        )
    return FORMATS[extension]


def _extension(name: str) -> str:
    return Path(name).suffix.lower()


def inner_name(file: File) -> str:
    """Return the name of a file as it is when unpacked."""
    return file.path.stem if file.packed == Packed() else file.label


def _supported() -> str:
    return ", ".join(extension[1:] for extension in (*FORMATS, *_PACKED))
