"""Workbooks for tests: bytes of .xlsx and .ods files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from typing import Any
from xml.sax.saxutils import escape

import openpyxl
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

Rows = Sequence[Sequence[Any]]

_ODS_NAMES = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
    ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    ' xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
)


def xlsx(
    rows: Rows = (),
    change: Callable[[Workbook, Worksheet], object] = lambda _book, _sheet: None,
    *,
    title: str = "Staff",
) -> bytes:
    """Return a workbook with one sheet of `rows`, changed by `change`."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    change(book, sheet)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def edited(workbook: bytes, part: str, change: Callable[[str], str]) -> bytes:
    """Return a workbook in which the XML of one part is changed."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook)) as old,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            content = old.read(name)
            if name == part:
                after = change(content.decode())
                assert after != content.decode()
                content = after.encode()
            new.writestr(name, content)
    return stream.getvalue()


def ods(rows: Rows, *, title: str = "Staff") -> bytes:
    """Return an OpenDocument spreadsheet. A text that begins with # is an error."""

    def cell(value: Any) -> str:
        if isinstance(value, int | float):
            return f'<table:table-cell office:value-type="float" office:value="{value}"/>'
        kind = 'calcext:value-type="error"' if str(value).startswith("#") else ""
        text = f"<text:p>{escape(str(value))}</text:p>" if value != "" else ""
        return f'<table:table-cell office:value-type="string" {kind}>{text}</table:table-cell>'

    lines = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {_ODS_NAMES}'
        ' office:version="1.3"><office:body><office:spreadsheet>'
        f'<table:table table:name="{title}">{lines}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"'
            ' manifest:version="1.3"><manifest:file-entry manifest:full-path="/"'
            ' manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/>'
            "</manifest:manifest>",
        )
        package.writestr("content.xml", content)
    return stream.getvalue()


def zipped(**files: bytes | str) -> bytes:
    """Return a ZIP file. A double underscore in a name is a dot: `users__csv`."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return stream.getvalue()
