"""Files of all formats and of odd forms: each ends in the right plan or in a clear message."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from tests.office import Office
from tests.workbooks import edited, ods, xls, xlsx, zipped

USER = 'externalId = "id"\nuserName = "mail"\ndisplayName = "name"\nactive = true\n'
TITLE = 'title = "title"\n'
ROLES = 'roles = "groups"\n'
HEAD = "id,name,mail\n"
ADA = "1,Ada,ada@example.com\n"
BO = "2,Bo,bo@example.com\n"
CSV = HEAD + ADA + BO
ZOE = "id,name,mail\n1,Zoë Łęcka,zoe@example.com\n2,Jiří Dvořák,jiri@example.com\n"
MUELLER = "id,name,mail\n1,Jürgen Müller,jm@example.com\n2,Bo,bo@example.com\n"
TABLE = [("id", "name", "mail"), (1, "Ada", "ada@example.com"), (2, "Bo", "bo@example.com")]
BOTH = {"1": "Ada", "2": "Bo"}
STAFF = 'sheet = "Staff"\n'


@dataclass(frozen=True)
class Odd:
    """Files in the folder, and the plan: key -> displayName, or `path`, of those who get accounts.

    `said` are pieces of the messages.
    """

    content: bytes | str
    name: str = "hr.csv"
    plan: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    user: str = ""
    path: str = "displayName"
    code: int = 0
    said: tuple[str, ...] = ()
    more: Mapping[str, bytes | str] = field(default_factory=dict)


def refused(content: bytes | str, name: str, code: int, *said: str, source: str = "") -> Odd:
    """A file that ends in a message, and in no plan."""
    return Odd(content, name, source=source, code=code, said=said)


# Text: encodings, quotes, separators, line ends, headers, what is around the table

TEXT = {
    "UTF-8 with a mark": Odd("\ufeff" + CSV, plan=BOTH),
    "a mark before a quote": Odd('\ufeff"id","name","mail"\n' + ADA + BO, plan=BOTH),
    "UTF-16 with a mark": Odd(CSV.encode("utf-16"), plan=BOTH),
    "UTF-16, big-endian": Odd(b"\xfe\xff" + CSV.encode("utf-16-be"), plan=BOTH),
    "UTF-32 with a mark": Odd(CSV.encode("utf-32"), plan=BOTH),
    "UTF-16 without a mark": refused(
        CSV.encode("utf-16-le"), "hr.csv", 2, 'encoding = "utf-16-le"', "SYNC-0207"
    ),
    "UTF-16 without a mark, set": Odd(
        CSV.encode("utf-16-le"), plan=BOTH, source='encoding = "utf-16-le"\n'
    ),
    "Windows 1252": refused(
        MUELLER.encode("cp1252"), "hr.csv", 2, "line 2", 'encoding = "windows-1252"', "Jürgen"
    ),
    "Windows 1250": refused(
        ZOE.encode("cp1250"), "hr.csv", 2, "line 2", 'encoding = "windows-1250"', "Łęcka"
    ),
    "Windows 1250, set": Odd(
        ZOE.encode("cp1250"),
        plan={"1": "Zoë Łęcka", "2": "Jiří Dvořák"},
        source='encoding = "windows-1250"\n',
    ),
    "DOS": refused(MUELLER.encode("cp850"), "hr.csv", 2, "line 2", 'encoding = "cp850"', "Jürgen"),
    "DOS, set": Odd(
        MUELLER.encode("cp850"),
        plan={"1": "Jürgen Müller", "2": "Bo"},
        source='encoding = "cp850"\n',
    ),
    "Cyrillic": refused(
        CSV.replace("Ada", "Мария").encode("cp1251"), "hr.csv", 2, 'encoding = "windows-1251"'
    ),
    "Shift JIS, set": Odd(
        CSV.replace("Ada", "あだ").encode("shift_jis"),
        plan={"1": "あだ", "2": "Bo"},
        source='encoding = "shift_jis"\n',
    ),
    "semicolons": Odd(CSV.replace(",", ";"), plan=BOTH),
    "tabs in CSV": Odd(CSV.replace(",", "\t"), plan=BOTH),
    "bars": Odd(CSV.replace(",", "|"), plan=BOTH),
    "a separator of its own": Odd(CSV.replace(",", "^"), plan=BOTH, source='delimiter = "^"\n'),
    "CR line ends": Odd(CSV.replace("\n", "\r"), plan=BOTH),
    "CRLF line ends": Odd(CSV.replace("\n", "\r\n"), plan=BOTH),
    "mixed line ends": Odd(HEAD + ADA.replace("\n", "\r\n") + BO, plan=BOTH),
    "a line break in quotes": Odd(
        HEAD + '1,"Ada\nLove",ada@example.com\n' + BO, plan={"1": "Ada\nLove", "2": "Bo"}
    ),
    "doubled quotes": Odd(
        HEAD + '1,"Ada ""A"" L",ada@example.com\n' + BO, plan={"1": 'Ada "A" L', "2": "Bo"}
    ),
    "an open quote": Odd(
        HEAD + '1,"Ada,ada@example.com\n' + BO,
        plan={"2": "Bo"},
        code=4,
        said=("has a quote that is never closed",),
    ),
    "blanks around names and cells": Odd(
        "id , name,mail\u00a0\n 1,Ada ,\u200bada@example.com\n" + BO, plan=BOTH
    ),
    "leading zeros, signs, formulas": Odd(
        HEAD + "007,=1+1,ada@example.com\n1E5,+49,bo@example.com\n",
        plan={"007": "=1+1", "1E5": "+49"},
    ),
    "a name that two columns have": Odd(
        "id,name,mail,x,x\n1,Ada,ada@example.com,1,2\n2,Bo,bo@example.com,3,4\n", plan=BOTH
    ),
    "a name in another Unicode form": Odd(
        "id,name,mail,Gro\u0308\u00dfe\n1,Ada,ada@example.com,5\n2,Bo,bo@example.com,6\n",
        user='title = "Größe"\n',
        path="title",
        plan={"1": "5", "2": "6"},
    ),
    "texts in another Unicode form": Odd(
        HEAD + "1,Ade\u0300le,ada@example.com\n", plan={"1": "Ade\u0300le"}
    ),
    "characters beyond the basic plane": Odd(
        CSV.replace("Ada", "Ada 🦊 𐐷"), plan={"1": "Ada 🦊 𐐷", "2": "Bo"}
    ),
    "no header": Odd(ADA + BO, plan=BOTH, source='headers = ["id", "name", "mail"]\n'),
    "a title and a footer": Odd("Staff of ACME\n\n" + CSV + ",,\nTotal: 2\n", plan=BOTH),
    "empty rows": Odd(HEAD + "\n" + ADA + "\n   \n" + BO + "\n\n", plan=BOTH),
    "two thousand columns": Odd(
        "id,name,mail,"
        + ",".join(f"c{n}" for n in range(2000))
        + "\n"
        + "".join(row.strip() + "," * 2000 + "\n" for row in (ADA, BO)),
        plan=BOTH,
    ),
    "a cell of 10 MB": Odd(
        HEAD + f"1,{'x' * 10_000_000},ada@example.com\n" + BO,
        plan={"2": "Bo"},
        code=4,
        said=("line 2", "is too long"),
    ),
    "a zero byte in a cell": Odd(
        HEAD + "1,A\0da,ada@example.com\n" + BO,
        plan={"1": "A\0da", "2": "Bo"},
    ),
    "zero bytes at the end": refused(CSV + "\0" * 40, "hr.csv", 1, "ends in the middle of a row"),
    "a web page": refused("<!DOCTYPE html><html>Sign in</html>", "hr.csv", 2, "is a web page"),
    "an unknown format": refused("x", "hr.pdf", 2, 'unknown extension ".pdf"', "xlsx"),
    "lists of lines": Odd(
        'id,name,mail,groups\n1,Ada,a@example.com,"x\n y \r\n\n"\n2,Bo,b@example.com,z\n',
        source='lists = { groups = "\\n" }\n',
        user=ROLES,
        path="roles",
        plan={"1": [{"value": "x"}, {"value": "y"}], "2": [{"value": "z"}]},
    ),
    "lists of JSON": Odd(
        'id,name,mail,groups\n1,Ada,a@example.com,"[""x;y"", ""z""]"\n2,Bo,b@example.com,\n',
        source='lists = { groups = { format = "json" } }\n',
        user=ROLES,
        path="roles",
        plan={"1": [{"value": "x;y"}, {"value": "z"}], "2": None},
    ),
    "lists of JSON that are none": Odd(
        "id,name,mail,groups\n1,Ada,a@example.com,x;y\n2,Bo,b@example.com,[]\n",
        source='lists = { groups = { format = "json" } }\n',
        user=ROLES,
        plan={"2": "Bo"},
        code=4,
        said=('hr line 2 1: groups is not a JSON list: "x;y"; the row is left out',),
    ),
}


def with_formulas(workbook: bytes) -> bytes:
    """The names are formulas with results, as Excel saves them."""
    return edited(
        workbook,
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(
            '<c r="B2" t="inlineStr"><is><t>Ada</t></is></c>',
            '<c r="B2" t="str"><f>"A"&amp;"da"</f><v>Ada</v></c>',
        ).replace(
            '<c r="B3" t="inlineStr"><is><t>Bo</t></is></c>',
            '<c r="B3" t="str"><f>""</f><v></v></c>',
        ),
    )


def with_sheets(*names: str, hidden: str = "") -> bytes:
    """A workbook whose first sheet has the people, and the others a cell each."""

    def change(book: Any, _sheet: Any) -> None:
        for name in names:
            other = book.create_sheet(name)
            other["A1"] = "x"
            other.sheet_state = "hidden" if name == hidden else "visible"

    return xlsx(TABLE, change)


def titled(*values: Any, formats: str = "") -> bytes:
    """Ada and Bo with titles."""

    def change(_book: Any, sheet: Any) -> None:
        sheet["D1"] = "title"
        for at, value in enumerate(values, 2):
            sheet[f"D{at}"] = value
            if formats:
                sheet[f"D{at}"].number_format = formats

    return xlsx(TABLE, change)


def titles(first: Any, second: Any) -> dict[str, Any]:
    return {"user": TITLE, "path": "title", "plan": {"1": first, "2": second}}


def merged(_book: Any, sheet: Any) -> None:
    sheet.insert_rows(1, 2)
    sheet["A1"] = "Staff of ACME"
    sheet.merge_cells("A1:C1")
    sheet["D3"], sheet["D4"] = "title", "Engineer"
    sheet.merge_cells("D4:D5")


def two_headers(_book: Any, sheet: Any) -> None:
    sheet.insert_rows(1)
    sheet["A1"], sheet["B1"] = "id", "Person"
    sheet.merge_cells("A1:A2")
    sheet.merge_cells("B1:C1")


def epoch_1904(book: Any, sheet: Any) -> None:
    from openpyxl.utils.datetime import CALENDAR_MAC_1904

    book.epoch = CALENDAR_MAC_1904
    sheet["D1"], sheet["D2"] = "title", date(2026, 1, 2)


def notes_around(_book: Any, sheet: Any) -> None:
    sheet["J2"] = "ask HR about this"
    sheet.insert_rows(3)
    sheet["A6"] = "Total: 2"
    sheet["A9"] = "Printed 2026-11-28"


PROTECTED = (
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 1000 + "EncryptedPackage".encode("utf-16-le")
)

EXCEL = {
    "numbers as keys": Odd(xlsx(TABLE), "hr.xlsx", BOTH),
    "a macro workbook": Odd(xlsx(TABLE), "hr.xlsm", BOTH),
    "the wrong extension": Odd(xlsx(TABLE), "hr.xls", BOTH),
    "OpenDocument": Odd(ods(TABLE), "hr.ods", BOTH),
    "text that looks like a number": Odd(
        xlsx([TABLE[0], ("007", "Ada", "a@example.com"), ("1E5", "Bo ", "b@example.com")]),
        "hr.xlsx",
        {"007": "Ada", "1E5": "Bo"},
    ),
    "decimals, and numbers of 16 digits": Odd(
        titled(0.1 + 0.2, 1234567890123456), "hr.xlsx", **titles("0.3", "1234567890123460")
    ),
    "dates": Odd(
        titled(date(2026, 1, 2), datetime(2026, 1, 2, 8, 30, 15)),  # noqa: DTZ001
        "hr.xlsx",
        **titles("2026-01-02", "2026-01-02T08:30:15"),
    ),
    "times and durations": Odd(
        titled(time(8, 30), timedelta(hours=30, seconds=5)),
        "hr.xlsx",
        **titles("08:30:00", "30:00:05"),
    ),
    "dates from 1904": Odd(xlsx(TABLE, epoch_1904), "hr.xlsx", **titles("2026-01-02", None)),
    "booleans": Odd(titled(True, False), "hr.xlsx", **titles("true", "false")),
    "a number format hides no digits": Odd(
        titled(42, 7, formats="00000"), "hr.xlsx", **titles("42", "7")
    ),
    "merged cells": Odd(xlsx(TABLE, merged), "hr.xlsx", **titles("Engineer", "Engineer")),
    "two rows of headers": Odd(xlsx(TABLE, two_headers), "hr.xlsx", BOTH),
    "notes, empty rows, and a footer": Odd(xlsx(TABLE, notes_around), "hr.xlsx", BOTH),
    "a line break in a name": Odd(
        xlsx([("id", "name", "Work\nmail"), *TABLE[1:]]),
        "hr.xlsx",
        BOTH,
        user="userName = \"col['Work mail']\"\n",
    ),
    "formulas": Odd(with_formulas(xlsx(TABLE)), "hr.xlsx", {"1": "Ada", "2": None}),
    "formulas without results": Odd(
        xlsx([*TABLE[:2], (2, '="B"&"o"', "bo@example.com")]),
        "hr.xlsx",
        {"1": "Ada"},
        code=4,
        said=(
            'row 3 of sheet Staff: has a formula without a result in column "name" (B3); the row is'
            " left out",
        ),
    ),
    "errors": Odd(
        xlsx([*TABLE[:2], (2, "#N/A", "bo@example.com")]),
        "hr.xlsx",
        {"1": "Ada"},
        code=4,
        said=('row 3 of sheet Staff: has #N/A in column "name" (B3); the row is left out',),
    ),
    "errors in OpenDocument": Odd(
        ods([*TABLE[:2], (2, "#N/A", "bo@example.com")]),
        "hr.ods",
        {"1": "Ada"},
        code=4,
        said=('row 3 of sheet Staff: has #N/A in column "name" (B3)',),
    ),
    "the old format of Excel": Odd(xls(), "hr.xls", {"1": "Ada", "2": "Bo", "3": "Cy", "4": "Cy"}),
    "errors in the old format of Excel": Odd(
        xls(),
        "hr.xls",
        {"1": "2026-01-02", "3": None, "4": None},
        user=TITLE,
        path="title",
        code=4,
        said=('row 3 of sheet Staff: has #N/A in column "title" (D3); the row is left out',),
    ),
    "errors that nobody uses": Odd(titled("#REF!", "x"), "hr.xlsx", BOTH),
    "errors in rows that are left out": Odd(
        xlsx([*TABLE, (3, "#N/A", "")]), "hr.xlsx", BOTH, source="where = \"mail <> ''\"\n"
    ),
    "two rows with a key": Odd(
        xlsx([*TABLE, (2, "Bob", "bob@example.com")]),
        "hr.xlsx",
        {"1": "Ada"},
        code=4,
        said=('key "2" is in rows 3 and 4 of sheet Staff, which differ in mail, name',),
    ),
    "a row without a key": Odd(
        xlsx([*TABLE, ("", "Cy", "cy@example.com")]),
        "hr.xlsx",
        BOTH,
        code=4,
        said=("row 4 of sheet Staff: the row has no key",),
    ),
    "pick": Odd(
        xlsx([*TABLE, (2, "Bob", "bob@example.com")]),
        "hr.xlsx",
        {"1": "Ada", "2": "Bob"},
        source='pick = "name desc"\n',
    ),
    "skip and headers": Odd(
        xlsx([("x", "y", "z"), *TABLE]),
        "hr.xlsx",
        BOTH,
        source='skip = 2\nheaders = ["id", "name", "mail"]\n',
    ),
    "lists of lines": Odd(
        titled("x\ny", "z"),
        "hr.xlsx",
        source='lists = { title = "\\n" }\n',
        user='roles = "title"\n',
        path="roles",
        plan={"1": [{"value": "x"}, {"value": "y"}], "2": [{"value": "z"}]},
    ),
    "a hidden sheet": Odd(with_sheets("Notes", hidden="Notes"), "hr.xlsx", BOTH),
    "empty sheets": Odd(xlsx(TABLE, lambda book, _: book.create_sheet("Sheet2")), "hr.xlsx", BOTH),
    "several sheets": refused(
        with_sheets("Notes", "Old"),
        "hr.xlsx",
        2,
        "several sheets",
        "Staff, Notes, Old",
        'sheet = "Staff"',
    ),
    "a sheet by name": Odd(with_sheets("Notes"), "hr.xlsx", BOTH, source=STAFF),
    "a sheet by name, in other case": Odd(
        with_sheets("Notes"), "hr.xlsx", BOTH, source='sheet = "staff "\n'
    ),
    "a sheet that is not there": refused(
        with_sheets("Notes"),
        "hr.xlsx",
        2,
        'no sheet "Staf" in hr.xlsx',
        'did you mean "Staff"?',
        source='sheet = "Staf"\n',
    ),
    "an empty sheet": refused(xlsx(), "hr.xlsx", 3, "sheet Staff is empty"),
    "a header only": refused(xlsx(TABLE[:1]), "hr.xlsx", 3, "hr.xlsx"),
    "a sheet for a CSV file": refused(
        CSV, "hr.csv", 2, "sources.hr.sheet: applies to Excel files only", source=STAFF
    ),
    "protected": refused(PROTECTED, "hr.xlsx", 2, "is protected with a password"),
    "a web page": refused("<html><table>", "hr.xls", 2, "is a web page, not a workbook"),
    "text": refused(CSV, "hr.xlsx", 2, "is not a workbook"),
    "cut off": refused(xlsx(TABLE)[:-100], "hr.xlsx", 1, "hr.xlsx is cut off"),
    "a ZIP file": refused(zipped(a__csv=CSV), "hr.xlsx", 2, "is a ZIP file, but not a workbook"),
    "damaged": refused(
        edited(xlsx(TABLE), "xl/workbook.xml", lambda xml: xml[:-30]),
        "hr.xlsx",
        2,
        "cannot be read as a workbook",
    ),
    "cells far from each other": refused(
        xlsx(TABLE, lambda _, sheet: sheet.__setitem__("XFD1048576", "x")),
        "hr.xlsx",
        2,
        "too far apart",
    ),
}

YAML_ADA = "id: 1\nname: Ada\nmail: ada@example.com\n"
YAML_BO = "id: 2\nname: Bo\nmail: bo@example.com\n"


def listed(*people: str) -> str:
    return "".join("- " + text.strip().replace("\n", "\n  ") + "\n" for text in people)


LIST = listed(YAML_ADA, YAML_BO)
LAUGHS = "a: &a [lol]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)

YAML = {
    "a list": Odd(LIST, "people.yaml", BOTH),
    "a list under a name": Odd(
        "version: 2\npeople:\n" + LIST + "others:\n- x: 1\n", "people.yml", BOTH
    ),
    "names of people": Odd(
        "ada:\n  name: Ada\n  mail: a@example.com\nbo: {name: Bo, mail: b@example.com}\n",
        "people.yaml",
        {"ada": "Ada", "bo": "Bo"},
    ),
    "names of people under a name": Odd(
        "people:\n  007: {name: Ada, mail: a@example.com}\n", "people.yaml", {"007": "Ada"}
    ),
    "several documents": Odd(f"---\n{YAML_ADA}---\n{YAML_BO}...\n", "people.yaml", BOTH),
    "a file for each": Odd(
        "name: Ada\nmail: a@example.com\n",
        "people/ada.yaml",
        {"ada": "Ada", "bo": "Bo"},
        source='path = "people/*.yaml"',
        more={"people/bo.yaml": "name: Bo\nmail: b@example.com\n"},
    ),
    "a file for each, with a key in some": Odd(
        YAML_ADA,
        "people/ada.yaml",
        {"1": "Ada"},
        source='path = "people/*.yaml"',
        more={"people/bo.yaml": "name: Bo\nmail: b@example.com\n"},
        code=4,
        said=("hr line 1: people/bo.yaml: the row has no key",),
    ),
    "an empty file among others": Odd(
        YAML_ADA,
        "people/ada.yaml",
        source='path = "people/*.yaml"',
        more={"people/bo.yaml": "# on leave\n"},
        code=3,
        said=("people/bo.yaml is empty",),
    ),
    "words of YAML 1.1": Odd(
        listed(
            "id: 007\nname: NO\nmail: a@example.com",
            "id: 1_000\nname: on\nmail: b@example.com",
            "id: 12:30:00\nname: 2026-01-01\nmail: c@example.com",
            "id: 1e3\nname: 0x1F\nmail: d@example.com",
        ),
        "people.yaml",
        {"007": "NO", "1_000": "on", "12:30:00": "2026-01-01", "1e3": "0x1F"},
    ),
    "anchors and merged mappings": Odd(
        "- &ada\n  id: 1\n  name: Ada\n  mail: a@example.com\n"
        "- <<: *ada\n  id: 2\n  mail: b@example.com\n",
        "people.yaml",
        {"1": "Ada", "2": "Ada"},
    ),
    "lists": Odd(
        "- id: 1\n  name: Ada\n  mail: a@example.com\n  groups: [x, 'y;z']\n",
        "people.yaml",
        {"1": [{"value": "x"}, {"value": "y;z"}]},
        user=ROLES,
        path="roles",
    ),
    "a name that occurs twice": refused(
        LIST + "  name: Bob\n",
        "people.yaml",
        2,
        'people.yaml, line 7: "name" occurs twice, in lines 5 and 7',
        "SYNC-0237",
    ),
    "a billion laughs": refused(LAUGHS, "people.yaml", 2, "its aliases make it expand"),
    "an alias in its own anchor": refused(
        "- &a\n  id: 1\n  x: *a\n", "people.yaml", 2, "an alias within its own anchor"
    ),
    "deep nesting": refused("[" * 100_000, "people.yaml", 2, "nesting depth"),
    "a tag": refused(
        "- id: 1\n  name: !!python/name:os.system x\n",
        "people.yaml",
        2,
        "line 2: the tag",
        "is not supported",
    ),
    "a tab as indent": refused("- id: 1\n\tname: Ada\n", "people.yaml", 2, "line 2: not YAML"),
    "cut off": refused(LIST + '- id: 3\n  name: "Cy', "people.yaml", 1, "ends in the middle"),
    "a text in the list": Odd(
        LIST + "- Cy\n", "people.yaml", BOTH, code=4, said=("is not a usable object",)
    ),
    "no key": refused("- {nr: 1}\n", "people.yaml", 2, 'no column "id" in people.yaml', "nr"),
    "Windows 1252": refused(
        "- {id: 1, name: Zo\xeb}\n".encode("cp1252"), "people.yaml", 2, "line 1: byte 0xeb"
    ),
    "UTF-16 with a mark": Odd(LIST.encode("utf-16"), "people.yaml", BOTH),
    "a zero byte": refused("- id: 1\0\n", "people.yaml", 2, "line 1: not YAML"),
    "only a comment": refused("# nobody yet\n", "people.yaml", 3, "people.yaml is empty"),
    "TOML, a list": Odd(
        '[[people]]\nid = "007"\nname = "Ada"\nmail = "a@example.com"\nstart = 2026-01-02\n',
        "people.toml",
        {"007": "2026-01-02"},
        user='title = "start"\n',
        path="title",
    ),
    "TOML, names of people": Odd(
        '[people.ada]\nname = "Ada"\nmail = "a@example.com"\n', "people.toml", {"ada": "Ada"}
    ),
    "TOML, a row without a key": Odd(
        '[[people]]\nid = 1\nname = "Ada"\nmail = "a@example.com"\n\n[[people]]\nname = "Bo"\n',
        "people.toml",
        {"1": "Ada"},
        code=4,
        said=("hr line 6: the row has no key",),
    ),
    "TOML that is none": refused(
        "[[people]]\nid = 1\nid = 2\n", "people.toml", 2, "people.toml, line 3: not TOML"
    ),
}

USERS = "sourcedId,name,mail,orgSourcedId\n1,Ada,ada@example.com,10\n2,Bo,bo@example.com,20\n"
ORGS = "sourcedId,title\n10,North School\n20,South School\n"


def encrypted(archive: bytes) -> bytes:
    """A ZIP file whose only member has the flag of encryption."""
    local, central = archive.index(b"PK\3\4"), archive.index(b"PK\1\2")
    changed = bytearray(archive)
    changed[local + 6] |= 1
    changed[central + 8] |= 1
    return bytes(changed)


PACKED = {
    "gzip": Odd(gzip.compress(CSV.encode()), "hr.csv.gz", BOTH),
    "gzip of UTF-16": Odd(gzip.compress(CSV.encode("utf-16")), "hr.csv.gz", BOTH),
    "gzip of JSON": Odd(
        gzip.compress(b'[{"id": 1, "name": "Ada", "mail": "a@example.com"}]'),
        "hr.json.gz",
        {"1": "Ada"},
    ),
    "gzip of Excel": Odd(gzip.compress(xlsx(TABLE)), "hr.xlsx.gz", BOTH),
    "gzip of YAML": Odd(gzip.compress(LIST.encode()), "people.yaml.gz", BOTH),
    "gzip with a bad row": Odd(
        gzip.compress((CSV + "3,Cy\n").encode()),
        "hr.csv.gz",
        BOTH,
        code=4,
        said=("hr line 4 3: has 2 fields",),
    ),
    "gzip of wrong bytes": refused(
        gzip.compress(MUELLER.encode("cp1252")), "hr.csv.gz", 2, "hr.csv.gz, line 2: byte 0xfc"
    ),
    "gzip, cut off": refused(
        gzip.compress(CSV.encode())[:-12], "hr.csv.gz", 1, "hr.csv.gz is cut off"
    ),
    "gzip that is none": refused(CSV, "hr.csv.gz", 2, "hr.csv.gz is not a gzip file"),
    "gzip, damaged": refused(
        gzip.compress(CSV.encode())[:-8] + b"\0" * 8, "hr.csv.gz", 2, "hr.csv.gz is damaged"
    ),
    "gzip of nothing": refused(gzip.compress(b""), "hr.csv.gz", 3, "hr.csv.gz is empty"),
    "gzip of an unknown format": refused(
        gzip.compress(b"x"), "hr.tar.gz", 2, 'unknown extension ".tar"'
    ),
    "a bomb": refused(
        gzip.compress(HEAD.encode() + b" " * 100_000_000),
        "hr.csv.gz",
        2,
        "when unpacked",
        "SYNC-0233",
    ),
    "ZIP of one file": Odd(zipped(hr__csv=CSV, read__me="x"), "hr.zip", BOTH),
    "ZIP, a file by name": Odd(
        zipped(users__csv=CSV, orgs__csv=ORGS), "b.zip", BOTH, source='path = "b.zip/users.csv"'
    ),
    "ZIP, a pattern": Odd(
        zipped(part1__csv=HEAD + ADA, part2__csv=HEAD + BO),
        "b.zip",
        BOTH,
        source='path = "b.zip/part*.csv"',
    ),
    "ZIP of several files": refused(
        zipped(users__csv=CSV, orgs__csv=ORGS),
        "b.zip",
        2,
        "b.zip contains several files",
        "found: users.csv, orgs.csv",
        '"b.zip/users.csv"',
    ),
    "ZIP without the file": refused(
        zipped(users__csv=CSV),
        "b.zip",
        2,
        "there is no user.csv in b.zip",
        "found: users.csv",
        source='path = "b.zip/user.csv"',
    ),
    "ZIP as one source": Odd(
        zipped(users__csv=USERS, orgs__csv=ORGS),
        "b.zip",
        source=(
            "query = \"select u.sourcedId as id, u.name, u.mail, o.title from 'b.zip/users.csv' u"
            " left join 'b.zip/orgs.csv' o on u.orgSourcedId = o.sourcedId\""
        ),
        **titles("North School", "South School"),
    ),
    "ZIP, encrypted": refused(
        encrypted(zipped(hr__csv=CSV)), "hr.zip", 2, "hr.zip/hr.csv is encrypted"
    ),
    "ZIP, cut off": refused(zipped(hr__csv=CSV)[:-40], "hr.zip", 1, "hr.zip is cut off"),
    "ZIP that is none": refused(CSV, "hr.zip", 2, "hr.zip is not a ZIP file"),
    "ZIP with names that lead elsewhere": Odd(zipped(**{"../../hr.csv": CSV}), "hr.zip", BOTH),
}


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        (kind, form)
        for kind, table in (("text", TEXT), ("excel", EXCEL), ("yaml", YAML), ("packed", PACKED))
        for form in table
    ],
)
def test_an_odd_file_ends_in_the_right_plan_or_a_clear_message(
    office: Office, kind: str, form: str
) -> None:
    odd = {"text": TEXT, "excel": EXCEL, "yaml": YAML, "packed": PACKED}[kind][form]
    for name, content in {odd.name: odd.content, **odd.more}.items():
        path = office.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    own = odd.source.startswith(("path =", "query ="))
    source = odd.source if own else f'path = "{odd.name}"\n{odd.source}'
    user = USER if "userName" not in odd.user else USER.replace('userName = "mail"\n', "")
    office.configure(
        source=f'[sources.hr]\ntype = "file"\nkey = "id"\n{source}', user=user + odd.user
    )

    ran = office.run("plan", "--offline", "--json")

    assert "Traceback" not in ran.err
    assert ran.code == odd.code, ran.err
    document = ran.document if ran.out else {}
    problems = document.get("problems", [])
    where = " ".join(
        f"hr line {each['line']}{' ' + each['key'] if each['key'] else ''}: {each['detail']}"
        if each["line"] is not None
        else each["detail"]
        for each in problems
    )
    for text in odd.said:
        assert text in ran.err + where + str(document.get("guard"))
    planned = document.get("targets", {}).get("wiki", {}).get("operations", [])
    found = {
        operation["key"]: {change["path"]: change["after"] for change in operation["changes"]}.get(
            odd.path
        )
        for operation in planned
    }
    assert found == odd.plan
