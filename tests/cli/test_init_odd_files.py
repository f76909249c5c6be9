"""`scimsync init` with files of an odd form: it recognizes them, or says what it saw."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.office import Office

HEAD = "id,name,mail,status\n"
ADA = "1,Ada,ada@example.com,active\n"
BO = "2,Bo,bo@example.com,left\n"


@dataclass(frozen=True)
class Odd:
    """A file with Ada, who works here, and Bo, who has left; what is told, and set in sync.toml."""

    content: str | bytes
    told: tuple[str, ...] = ()
    source: dict[str, Any] = field(default_factory=dict)
    name: str = "hr.csv"
    scope: str = "status == 'active'"
    key: str = "id"
    code: int = 0


ODD = {
    "sep=": Odd("sep=;\r\n" + (HEAD + ADA + BO).replace(",", ";").replace("\n", "\r\n")),
    "#TYPE": Odd("#TYPE Some.Type\n" + HEAD + ADA + BO),
    "a title, blank rows, and a total": Odd(
        "Staff,,,\n,,,\n" + HEAD + ADA + BO + ",,,\nTotal,2,,\n"
    ),
    "sqlcmd": Odd(HEAD + "--,----,----,------\n" + ADA + BO + "\n(2 rows affected)\n"),
    "two headers": Odd("id,full_name,mail,status\nID,Full Name,Mail,Status\n" + ADA + BO),
    "a repeated header": Odd(HEAD + ADA + HEAD + BO),
    "delimiters at the end": Odd((HEAD + ADA + BO).replace("\n", ",\n")),
    "UTF-16": Odd((HEAD + ADA + BO).replace(",", ";").encode("utf-16")),
    "a line below the table": Odd(
        HEAD + ADA + BO + "Confidential\n",
        told=(
            "1 row cannot be read: line 4 has 1 field where the header has 4.",
            "where = \"mail <> ''\"",
        ),
        code=4,
    ),
    "a name of two columns": Odd(
        "id,name,mail,Phone,Phone,status\n1,Ada,ada@example.com,1,2,active\n2,Bo,b@x.org,1,2,left\n",
        told=("no expression can use them: Phone. The setting headers gives",),
    ),
    "no header": Odd(
        "E-17,Ada,ada@example.com,active\nE-18,Bo,bo@example.com,left\n",
        told=("The first row looks like a record, so the file has no header.",),
        source={"headers": ["column_1", "column_2", "email", "column_4"]},
        scope="column_4 == 'active'",
        key="email",
    ),
    "a list in an object": Odd(
        '{"fields": [{"id": "x"}], "count": 2, "employees": [{"id": "1", "name": "Ada", "mail":'
        ' "ada@example.com", "status": "active"}, {"id": "2", "name": "Bo", "mail": "b@x.org",'
        ' "status": "left"}]}',
        name="hr.json",
    ),
}


@pytest.mark.parametrize("form", ODD)
def test_an_odd_file_is_read_and_what_is_not_recognized_is_told(office: Office, form: str) -> None:
    odd = ODD[form]
    (office.folder / "sync.toml").unlink()
    content = odd.content if isinstance(odd.content, bytes) else odd.content.encode()
    (office.folder / odd.name).write_bytes(content)

    ran = office.run("init", odd.name)

    assert (ran.code, ran.err) == (0, "")
    document = tomllib.loads((office.folder / "sync.toml").read_text("utf-8"))
    (source,), (target,) = document["sources"].values(), document["targets"].values()
    assert (source["key"], target["scope"]) == (odd.key, odd.scope)
    assert source | odd.source == source
    screen = " ".join(ran.out.split())
    for note in odd.told:
        assert note in screen
    planned = office.run("plan", "--offline", "--json")
    assert planned.code == odd.code, planned.err
    (result,) = planned.document["targets"].values()
    assert [operation["action"] for operation in result["operations"]] == ["create"]
    assert "ada@example.com" in planned.out


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"<!DOCTYPE html>\n<html>Sign in</html>\n", 2, "hr.csv is a web page"),
        (f"{HEAD}{ADA}".encode() + b"\0" * 40, 1, "hr.csv ends in the middle of a row"),
    ],
)
def test_a_file_that_is_no_table_is_refused(
    office: Office, content: bytes, code: int, said: str
) -> None:
    (office.folder / "sync.toml").unlink()
    (office.folder / "hr.csv").write_bytes(content)

    ran = office.run("init", "hr.csv")

    assert (ran.code, said in ran.err) == (code, True)
    assert not (office.folder / "sync.toml").exists()
