"""Open a workbook (Excel or OpenDocument) and find its sheet, with messages for what is wrong."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from xml.parsers import expat

from scimsync.errors import SourceFormatError
from scimsync.model.did_you_mean import did_you_mean
from scimsync.sources.base import SourceSpec
from scimsync.sources.file.cell_faults import Cell, cell_faults
from scimsync.sources.file.packed import MOST_BYTES, MOST_TIMES, SMALL_BYTES, explained
from scimsync.sources.file.settings import FileSettings
from scimsync.sources.workspace import Workspace

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # MS-CFB 2.2
_ZIP = b"PK\3\4"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")  # MS-OFFCRYPTO 2.3.4.4
_START = 512
_PARTS = {"xl/workbook.xml": ".xlsx", "xl/workbook.bin": ".xlsb", "content.xml": ".ods"}
"""A part of the package -> the format."""


_DAMAGED = (
    *(OSError, EOFError, KeyError, ValueError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, expat.ExpatError, struct.error),
)
"""What reading the parts of a package raises if they are not what they should be."""


@dataclass(frozen=True, slots=True)
class FoundSheet:
    """A sheet, and the contents of its cells without a value."""

    name: str
    sheet: CalamineSheet
    faults: Mapping[Cell, str]


def require_calamine(spec: SourceSpec[FileSettings], label: str) -> None:
    """Raise SourceFormatError if python-calamine is not installed."""
    if find_spec("python_calamine") is None:
        raise SourceFormatError(
            f"{_where(spec)}: {label}: python-calamine, which reads workbooks, is not installed",
            hint='install it with: pip install "scimsync[excel]"',
            code="SYNC-0232",
        )


def find_sheet(
    spec: SourceSpec[FileSettings], path: Path, label: str, workspace: Workspace
) -> FoundSheet:
    """Return the sheet that `sheet` names, or the only one that is visible and not empty.

    Raise SourceUnavailable (cut off), SourceFormatError (no workbook, protected, damaged, several
    sheets, none of this name).
    """
    where = f"{_where(spec)}: {label}"
    kind = _kind(path, where, label)
    readable = path
    if path.suffix.lower() != kind:  # calamine goes by the extension
        readable = workspace.new(kind)
        readable.symlink_to(path.absolute())
    with _faults(where), _opened(readable) as workbook:

        @cache
        def load(name: str) -> FoundSheet:
            # calamine ends the process if it has no memory for a sheet: its size is checked before
            faults = cell_faults(path, kind, name, where)
            return FoundSheet(name, workbook.get_sheet_by_name(name), faults)

        return load(_choose(spec, workbook, load, label))


def _where(spec: SourceSpec[FileSettings]) -> str:
    return spec.setting("path" if spec.settings.query is None else "query")


@contextmanager
def _opened(path: Path) -> Iterator[CalamineWorkbook]:
    from python_calamine import CalamineWorkbook

    with CalamineWorkbook.from_path(path) as workbook:
        yield workbook


@contextmanager
def _faults(where: str) -> Iterator[None]:
    """Raise the errors of calamine in plain words."""
    from python_calamine import CalamineError, PasswordError

    try:
        yield
    except PasswordError:
        raise _protected(where) from None
    except (CalamineError, *_DAMAGED) as error:
        raise _damaged(where, error) from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # calamine found something unexpected
            raise
        raise _damaged(where, error) from None


def _protected(where: str) -> SourceFormatError:
    return SourceFormatError(
        f"{where} is protected with a password",
        hint="save it without a password to open it; limit who can read the file instead",
        code="SYNC-0235",
    )


def _damaged(where: str, error: BaseException) -> SourceFormatError:
    reason = str(error).partition("\n")[0].strip() or type(error).__name__
    return SourceFormatError(
        f"{where} cannot be read as a workbook: {reason}",
        hint="open it in Excel or LibreOffice and save it again as .xlsx",
        code="SYNC-0235",
    )


def _kind(path: Path, where: str, label: str) -> str:
    """Return the extension of the file's actual format, by its first bytes and its parts."""
    with path.open("rb") as stream:
        start = stream.read(_START)
        if start.startswith(_OLE):
            rest = b""
            while piece := stream.read(1 << 20):
                if _ENCRYPTED_PACKAGE in rest + piece:
                    raise _protected(where)
                rest = piece[-len(_ENCRYPTED_PACKAGE) :]
            return ".xls"
    if start.startswith(_ZIP):
        return _package(path, where, label)
    text = start.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    what = "is not a workbook"
    hint = "export it as .xlsx, or give a CSV file its own extension"
    if text.startswith((b"<!doctype html", b"<html", b"<table", b"<meta")):
        what = "is a web page, not a workbook"
        hint = "open it in Excel or LibreOffice and save it as .xlsx"
    elif text.startswith(b"<?xml"):
        what = "is an XML file, not a workbook"
        hint = "open it in Excel and save it as .xlsx"
    raise SourceFormatError(f"{where} {what}", hint=hint, code="SYNC-0235")


def _package(path: Path, where: str, label: str) -> str:
    size = path.stat().st_size
    with explained(where.removesuffix(f": {label}"), label, path), zipfile.ZipFile(path) as package:
        parts = package.infolist()
        unpacked = sum(part.file_size for part in parts)
        if unpacked > min(MOST_BYTES, max(SMALL_BYTES, size * MOST_TIMES)):
            raise SourceFormatError(
                f"{where} has {unpacked:,} bytes when unpacked, from {size:,}",
                hint="a workbook of people is not that repetitive; check it",
                code="SYNC-0233",
            )
        names = {part.filename for part in parts}
        for part, kind in _PARTS.items():
            if part in names:
                return kind
    raise SourceFormatError(
        f"{where} is a ZIP file, but not a workbook",
        hint="export it as .xlsx",
        code="SYNC-0235",
    )


def _named(names: Sequence[str], wanted: str) -> str | None:
    """Return the sheet of this name, or the only one that differs in case or spaces only."""
    if wanted in names:
        return wanted
    same = [name for name in names if name.strip().casefold() == wanted.strip().casefold()]
    return same[0] if len(same) == 1 else None


def _worksheets(workbook: CalamineWorkbook) -> tuple[list[str], list[str]]:
    """Return the names of the sheets with cells, and of those that are visible."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    sheets = [sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    visible = [sheet.name for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible]
    return [sheet.name for sheet in sheets], visible


def _choose(
    spec: SourceSpec[FileSettings],
    workbook: CalamineWorkbook,
    load: Callable[[str], FoundSheet],
    label: str,
) -> str:
    """Return the name of the sheet to read."""
    names, visible = _worksheets(workbook)
    listed = f"found: {', '.join(names) or 'no sheet with cells'}"
    wanted = spec.settings.sheet
    if wanted is not None:
        chosen = _named(names, wanted)
        if chosen is None:
            raise SourceFormatError(
                f'{spec.setting("sheet")}: no sheet "{wanted}" in {label}',
                details=[listed],
                hint=did_you_mean(wanted, names),
                code="SYNC-0234",
            )
        return chosen
    filled = visible if len(visible) == 1 else [name for name in visible if load(name).sheet.height]
    if len(filled) == 1:
        return filled[0]
    problem = "has several sheets" if filled else "has no visible sheet with cells"
    raise SourceFormatError(
        f"{_where(spec)}: {label} {problem}",
        details=[listed],
        hint=f'name the one to read: sheet = "{(filled or names or ["Staff"])[0]}"',
        code="SYNC-0234",
    )
