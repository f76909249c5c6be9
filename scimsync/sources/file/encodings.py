"""The encoding of a text file, and its conversion to UTF-8, the only one that DuckDB reads."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from scimsync.errors import SourceFormatError, SourceUnavailable
from scimsync.sources.base import SourceSpec
from scimsync.sources.file.guesses import likely_encodings, readings, unmarked_utf_16
from scimsync.sources.file.settings import FileSettings
from scimsync.sources.workspace import new_private_file

_CHUNK = 1 << 20
_START = 1 << 12
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def detect(setting: str | None, start: bytes) -> str:
    """Return Python's name of the encoding of a file that begins with the 4 bytes `start`.

    The `setting` wins, then a byte order mark, then UTF-8.
    """
    marked = next((name for mark, name in _MARKS if start.startswith(mark)), None)
    if setting is None:
        return marked or "utf-8"
    chosen = codecs.lookup(setting).name
    if chosen in ("ascii", "utf-8"):
        return "utf-8-sig" if marked == "utf-8-sig" else "utf-8"
    return chosen


def to_utf8(
    spec: SourceSpec[FileSettings], path: Path, label: str, encoding: str, copy: Path
) -> None:
    """Write the text of `path` to the new file `copy` as UTF-8 without a byte order mark.

    Raise SourceFormatError with the line of bytes that are not `encoding`, SourceUnavailable if
    the last character is cut.
    """
    with new_private_file(copy) as target:
        for text in _decode(spec, path, label, encoding):
            target.write(text)


def explain(spec: SourceSpec[FileSettings], path: Path, label: str, encoding: str) -> NoReturn:
    """Raise the error, with its line, for a file that turned out not to be `encoding`."""
    for _ in _decode(spec, path, label, encoding):
        pass
    raise SourceUnavailable(
        f"{label} changed while it was read; is it still being written?",
        hint="try again",
        code="SYNC-0201",
    )


def refuse_utf_16(
    spec: SourceSpec[FileSettings], path: Path, label: str, encoding: str | None
) -> None:
    """Raise SourceFormatError for text that should be UTF-8, and has the zero bytes of UTF-16."""
    if encoding is None or not encoding.startswith("utf-8"):
        return
    with path.open("rb") as stream:
        form = unmarked_utf_16(stream.read(_START))
    if form is not None:
        raise SourceFormatError(
            f"{spec.setting('encoding')}: {label} looks like UTF-16 without a byte order mark",
            hint=f'set encoding = "{form}"',
            code="SYNC-0207",
        )


def _decode(spec: SourceSpec[FileSettings], path: Path, label: str, encoding: str) -> Iterator[str]:
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
                        code="SYNC-0201",
                    ) from None
                good = (
                    error.object[len(before[0]) : error.start]
                    if before[0]
                    else chunk[: error.start]
                )
                decoder.setstate(before)
                line += _breaks(decoder.decode(good))
                at = error.object.rfind(b"\n", 0, error.start) + 1
                likely = likely_encodings(error.object[at:])
                raise SourceFormatError(
                    f"{spec.setting('encoding')}: {label}, line {line}: byte"
                    f" 0x{error.object[error.start]:02x} is not {encoding.removesuffix('-sig')}",
                    details=readings(error.object[at:], likely),
                    hint=f'try encoding = "{likely[0]}"' if likely else None,
                    code="SYNC-0207",
                ) from None
            line += _breaks(text)
            yield text
            if not chunk:
                return


def _breaks(text: str) -> int:
    return text.count("\n") or text.count("\r")
