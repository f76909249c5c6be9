"""Which encoding a text file has, and how it becomes UTF-8, the only one that DuckDB reads."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from scimsync.errors import SourceFormatError, SourceUnavailable
from scimsync.sources.duck import private
from scimsync.sources.spec import FileSpec

_CHUNK = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def detect(spec: FileSpec, start: bytes) -> str:
    """Python's name of the encoding of a file that begins with the bytes `start` (4 are enough).

    The setting `encoding` wins, then a byte order mark, then UTF-8. Raises SourceFormatError for an
    unknown setting.
    """
    marked = next((name for mark, name in _MARKS if start.startswith(mark)), None)
    if spec.encoding is None:
        return marked or "utf-8"
    try:
        "".encode(spec.encoding)
        chosen = codecs.lookup(spec.encoding).name
    except LookupError:
        raise SourceFormatError(
            f'{spec.setting("encoding")}: unknown encoding "{spec.encoding}"',
            hint='known are, among others, "utf-8", "utf-16", "latin-1", "windows-1252"',
        ) from None
    if chosen in ("ascii", "utf-8"):
        return "utf-8-sig" if marked == "utf-8-sig" else "utf-8"
    return chosen


def to_utf8(spec: FileSpec, path: Path, label: str, encoding: str, copy: Path) -> None:
    """Write the text of `path` to the new file `copy` (mode 0600) as UTF-8 without a byte order
    mark.

    Raises SourceFormatError naming the line of bytes that are not `encoding`, SourceUnavailable for
    a cut last character.
    """
    with private(copy) as target:
        for text in _decode(spec, path, label, encoding):
            target.write(text)


def explain(spec: FileSpec, path: Path, label: str, encoding: str) -> NoReturn:
    """Raise the error for a file that turned out not to be `encoding`, with its line."""
    for _ in _decode(spec, path, label, encoding):
        pass
    raise SourceUnavailable(
        f"{label} changed while it was read; is it still being written?", hint="try again"
    )


def _decode(spec: FileSpec, path: Path, label: str, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    with path.open("rb") as stream:
        while True:
            chunk = stream.read(_CHUNK)
            before = decoder.getstate()
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                if not chunk:
                    raise SourceUnavailable(
                        f"{label} ends in the middle of a character; is it still being written?",
                        hint="try again",
                    ) from None
                decoder.setstate(before)
                line += _breaks(
                    decoder.decode(
                        error.object[len(before[0]) : error.start]
                        if before[0]
                        else chunk[: error.start]
                    )
                )
                wrong = " ".join(
                    f"0x{byte:02x}" for byte in error.object[error.start : error.start + 1]
                )
                raise SourceFormatError(
                    f"{spec.setting('encoding')}: {label}, line {line}: byte {wrong} is not"
                    f" {encoding.removesuffix('-sig')}",
                    hint=(
                        'if it comes from Excel, try encoding = "windows-1252"'
                        if encoding.startswith("utf-8")
                        else None
                    ),
                ) from None
            line += _breaks(text)
            yield text
            if not chunk:
                return


def _breaks(text: str) -> int:
    return text.count("\n") or text.count("\r")
