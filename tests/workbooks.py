"""Workbooks for tests: bytes of .xlsx and .ods files."""

from __future__ import annotations

import base64
import gzip
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

_XLS = (
    "H4sIAAAAAAACA+1YTUhUURT+7ntvxplJ58c00GgQISvTINq00VGjXCVWiyKCfDojDM6PDLNwWpRlLoOgVdFGsEUbq0"
    "0/FFG7FoFRiyAItGjVKihoob7OOe/NNE4GDpSgvO9xz73n3Hu+d//vfe/NfGRh5kHzIirQDR0rlh/eMpui4C8qYVC+"
    "ZXGyGPsoWC42Ffw+GkivB0/rXtfwGPJ4L0LDfeMlSeAThXMYx0A2k2jZQPRJHUzFdegiqXCbLEE0Sa3qRY6I3C7ynp"
    "R8JrJHLNdEdlHZBXUW87GB9sPOLD6jtUpeEMz7SHw+iOUgGvGKZ/Gl68ou60FvLmmmNllG1KjFLGhA+xOZRI71EO4g"
    "ABQInel0Zzy+gAYa7Fn8sFqA78VV/aLFtW+sXYHsP1fba/5i99EgVtpvaAYwCWtIFsk06jBkcI4Hp/Lm6OgSJrCNVA"
    "40w5NxysyY6QRFaTOZ8gD5ZD6V0IHeuBkCzLjZk5gw0+OpxIGRbJpc+rJBYDhbYT1SIOtIodxKhniy3BDg80L2l/Cq"
    "/aVO1l0tyThCko7I6gtTA5fufnt7fHgwdl4sk3Km2CfPbm4oLFxmD3IOwm4mg3PaxWO/yCvCulPSzSIbqCTFbYONTu"
    "LYlJS5Krlt9J5DgnexPWXpvZSe/nricXT6c2wfpef6Fy80zL2PzaCVTsI4+fMzhQ7VoW7dZDyJFWPl7FIfRTb9sWP5"
    "tLBTd8s5XkNY5jVKiIi0Ne4dVdI0p69sTSdNd7hUBddFLSC2iPQ5l1fCZZQ05uL+s0vqVN/WeU24tDW4NOEKON72qH"
    "lLGnPxAHs0H6W5Xu2KmfQ1mHRhCjq+ujD5Shoz+WWm7CKt2EK+WdgkNYgqRCmf6Q3phNX0htDXk3xOtIbTgUxuCDk3"
    "4QvsJhvSKd1aPR5y++jo+I0AXLhw4cKFCxcutiCU/V3g3NPs+7RXbln2f51lCivub5Iti5PI0pOnj8qjyFCcQ6Gq+b"
    "MDHlXkUuv0Kf4vZJymt+cwhmGpx1jV85e+sVR5e9btGP53S6ja969UU8///P5fUxAtOwAWAAA="
)


def xls() -> bytes:
    """Return an .xls file of four people, with a date, an error, and merged cells.

    It has the rows `1 Ada 2026-01-02`, `2 Bo #N/A`, `3 Cy`, and `4 Cy` in the columns id, name,
    mail, and title. xlwt 1.3 wrote it.
    """
    return gzip.decompress(base64.b64decode(_XLS))


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
