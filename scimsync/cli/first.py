"""The first sync.toml: what is written into it, and where."""

from __future__ import annotations

import codecs
import glob
import os
from dataclasses import dataclass
from pathlib import Path

import click

from scimsync.config import parse
from scimsync.config.models import Config
from scimsync.errors import ConfigError, ScimsyncError
from scimsync.init.draft import draft_sync_toml
from scimsync.sources import FileSpec, Sample, sample
from scimsync.sources.files import FORMATS

ROWS = 300
"""So many rows are looked at."""

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class First:
    """A sync.toml that is to be written to `path`: its `text`, and what that comes to as `config`.
    `file` is what the user called the file that was looked at, `encoding` what was found out about
    it where it is not UTF-8."""

    path: Path
    file: str
    text: str
    config: Config
    sample: Sample
    encoding: str | None

    def write(self, *, overwrite: bool) -> None:
        """Writes the file. Raises ConfigError where there is one already, unless it may be
        overwritten."""
        try:
            with self.path.open("w" if overwrite else "x", encoding="utf-8") as stream:
                stream.write(self.text)
        except FileExistsError:
            raise ConfigError(
                f"{self.path} is there already and was left as it is",
                hint="--force overwrites it, --out FILE writes elsewhere",
            ) from None
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be written: {error.strerror}") from None


def only_file(folder: Path) -> str:
    """The one file of `folder` that could be a source. Raises UsageError where there is none, or
    more than one."""
    found = sorted(
        path.name for path in folder.iterdir() if path.suffix.lower() in FORMATS and path.is_file()
    )
    if len(found) != 1:
        seen = (
            f"here are {', '.join(found[:5])}{', …' if len(found) > 5 else ''}"
            if found
            else "there is none in this folder"
        )
        raise click.UsageError(f"Name the file with the people: scimsync init FILE ({seen}).")
    return found[0]


def look_at(file: str, out: Path) -> First:
    """What a sync.toml at `out` would say of the file (or glob) `file`, both as the user wrote
    them.

    Raises SourceUnavailable, SourceFormatError, ConfigError.
    """
    matches = [file] if os.path.lexists(file) else sorted(glob.glob(file, recursive=True))  # noqa: PTH207 - as sources find them
    encoding = _encoding(matches)
    stem = Path(file).name.partition(".")[0].strip("*?-_ ") or "people"
    spec = FileSpec(name=stem, path=file, key="", base_dir=Path(), encoding=encoding, config=_PLACE)
    try:
        found = sample(spec, ROWS)
    except ScimsyncError as error:
        message = error.message.removeprefix(f"{spec.setting('path')}: ").removeprefix(
            f"{spec.setting('encoding')}: "
        )
        raise type(error)(message, details=error.details, hint=error.hint) from None
    if not found.columns:
        raise ConfigError(
            f"{file}: there are no columns in it", hint="its first row has to name them"
        )
    relative = os.path.relpath(file, out.parent) if not os.path.isabs(file) else file  # noqa: PTH117 - may be a glob
    text = draft_sync_toml(found.columns, found.rows, relative, stem, encoding)
    return First(out, file, text, parse(text, out), found, encoding)


_PLACE = "init"


def _encoding(paths: list[str]) -> str | None:
    """The encoding of text files where it has to be said: None for UTF-8 and for those that begin
    with a byte order mark."""
    for path in paths:
        if FORMATS.get(Path(path).suffix.lower(), "parquet") != "parquet" and not _is_unicode(
            Path(path)
        ):
            return "windows-1252"
    return None


def _is_unicode(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as stream:
            start = stream.read(4)
            if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)):
                return True
            decoder.decode(start)
            while chunk := stream.read(_CHUNK):
                decoder.decode(chunk)
    except UnicodeDecodeError:
        return False
    except OSError:
        return True  # reading it says what is wrong
    return True
