"""Where the bytes of a file are: the file itself, or a copy of the file packed in it."""

from __future__ import annotations

import codecs
import gzip
import os
from pathlib import Path

from scimsync.errors import SourceUnavailable
from scimsync.sources.base import SourceSpec
from scimsync.sources.file import encodings
from scimsync.sources.file.find import File, inner_name
from scimsync.sources.file.guesses import unmarked_utf_16
from scimsync.sources.file.packed import copy_bounded, open_packed
from scimsync.sources.file.settings import FileSettings
from scimsync.sources.workspace import Workspace

_START = 1 << 12


def content(spec: SourceSpec[FileSettings], file: File, workspace: Workspace) -> Path:
    """Return the path of a file that is not packed: `file.path`, or a copy in `workspace`.

    The copy is bounded. If it should be UTF-8, that is checked on the way. Raise SourceUnavailable
    (cut off, no space left), SourceFormatError (damaged, encrypted, too large, wrong bytes).
    """
    path = unpacked(spec, file, workspace)
    encodings.refuse_utf_16(spec, path, file.label, file.encoding)
    return path


def unpacked(
    spec: SourceSpec[FileSettings], file: File, workspace: Workspace, *, checked: bool = True
) -> Path:
    """Return the same as `content`, even for UTF-16 instead of UTF-8.

    Unless it is `checked`, wrong bytes do not matter either.
    """
    if file.packed is None:
        return file.path
    where = spec.setting("path" if spec.settings.query is None else "query")
    copy = workspace.new(Path(inner_name(file)).suffix)
    decoder = codecs.getincrementaldecoder("utf-8")() if file.encoding and file.is_utf8 else None
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    is_text = True
    with (
        os.fdopen(descriptor, "wb") as target,
        open_packed(file.path, file.packed, where, file.label) as stream,
    ):
        try:
            for piece in copy_bounded(stream, target, file.size, where, file.label):
                if decoder is not None and is_text:
                    try:
                        decoder.decode(piece)
                    except UnicodeDecodeError:
                        is_text = False
        except gzip.BadGzipFile:
            raise
        except OSError as error:
            raise SourceUnavailable(
                f"{file.label} cannot be unpacked: {error.strerror or error}", code="SYNC-0203"
            ) from None
    if checked and not is_text and unmarked_utf_16(_start(copy)) is None:
        encodings.explain(spec, copy, file.label, "utf-8")
    return copy


def _start(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_START)
