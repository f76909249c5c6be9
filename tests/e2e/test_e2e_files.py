"""What a file may do: ambiguous input changes nobody's account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.office import Office
from tests.servers.faulty import FaultyServer

SOURCE = '[sources.hr]\ntype = "file"\npath = "{path}"\nkey = "id"\n'
USER = """
externalId = "id"
userName = "mail"
displayName = "name"
active = true
"""
HEAD = "id,name,mail,status\n"
ADA = "1,Ada,ada@example.com,active\n"
BO = "2,Bo,bo@example.com,active\n"
CY = "3,Cy,cy@example.com,active\n"
IN_SCOPE = "scope = \"status == 'active'\""


@dataclass
class Company:
    """A company with a file of a few people, and the accounts at its target."""

    office: Office
    faulty: FaultyServer

    def configure(self, source: str = "", path: str = "hr.csv", **tables: str) -> None:
        tables = {"user": USER, "target": IN_SCOPE, **tables}
        self.office.configure(source=SOURCE.format(path=path) + source, **tables)

    def push(self, text: str | None = None, *options: str, name: str = "hr.csv") -> tuple[int, str]:
        """Return the exit code and what was said."""
        if text is not None:
            self.office.write(name, text)
        ran = self.office.run("push", *options)
        assert "Traceback" not in ran.err + ran.out
        return ran.code, ran.err

    @property
    def active(self) -> dict[str, bool]:
        """Return userName -> active."""
        return {user["userName"]: user["active"] for user in self.faulty.users.values()}


@pytest.fixture
def company(office: Office, faulty: FaultyServer) -> Company:
    company = Company(office, faulty)
    company.configure()
    return company


def everybody(*names: str, **others: bool) -> dict[str, bool]:
    """Return what `Company.active` is if these have active accounts."""
    active: dict[str, Any] = {f"{name}@example.com": True for name in names}
    return active | {f"{name}@example.com": value for name, value in others.items()}


# Rows of one key


@pytest.mark.parametrize("order", [1, -1], ids=["terminated first", "active first"])
def test_two_rows_of_one_key_that_differ_change_nothing(company: Company, order: int) -> None:
    company.push(HEAD + ADA + BO)
    rows = [BO.replace("active", "terminated"), BO][::order]

    code, said = company.push(HEAD + ADA + "".join(rows))

    assert code == 4
    assert (
        'hr line 3 2: key "2" is in lines 3 and 4, which differ in status; neither counts' in said
    )
    assert company.active == everybody("ada", "bo")
    assert company.push()[0] == 4
    assert company.push(HEAD + ADA + BO)[0] == 0


def test_two_rows_of_one_key_that_agree_count_as_one(company: Company) -> None:
    company.push(HEAD + ADA + BO)

    code, said = company.push(HEAD + ADA + BO + BO)

    assert (code, "line" in said) == (0, False)
    assert company.active == everybody("ada", "bo")


def test_a_new_key_of_two_rows_gets_no_account(company: Company) -> None:
    code, _ = company.push(HEAD + ADA + BO + BO.replace("Bo", "Bob"))

    assert (code, company.active) == (4, everybody("ada"))


def test_rows_of_one_key_in_two_files_of_a_pattern(company: Company) -> None:
    company.configure(path="part-*.csv")
    company.office.write("part-2.csv", HEAD + CY)
    company.push(HEAD + ADA + BO, name="part-1.csv")

    code, said = company.push(HEAD + CY + BO.replace("active", "left"), name="part-2.csv")

    assert code == 4
    assert "line 3 of part-1.csv and line 3 of part-2.csv" in said
    assert company.active == everybody("ada", "bo", "cy")


def test_rows_of_one_key_in_ndjson(company: Company) -> None:
    company.configure(path="hr.ndjson")
    ada = '{"id": 1, "name": "Ada", "mail": "ada@example.com", "status": "active"}\n'
    company.push(ada, name="hr.ndjson")

    code, said = company.push(ada + ada.replace("active", "left"), name="hr.ndjson")
    # with no other record there is nothing to compare
    assert (code, "no usable row" in said) == (3, True)

    bo = '{"id": 2, "name": "Bo", "mail": "bo@example.com", "status": "active"}\n'
    code, said = company.push(ada + ada.replace("active", "left") + bo, name="hr.ndjson")

    assert (code, "lines 1 and 2" in said) == (4, True)
    assert company.active == everybody("ada", "bo")
