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


def test_pick_chooses_the_row_of_a_key(company: Company) -> None:
    company.configure("pick = \"status = 'active' desc\"\n")
    company.push(HEAD + ADA + BO)

    code, said = company.push(HEAD + ADA + BO.replace("active", "terminated") + BO)

    assert (code, "line" in said) == (0, False)
    assert company.active == everybody("ada", "bo")


# Cells, and what is around the table


def test_an_invisible_blank_changes_nothing(company: Company) -> None:
    company.push(HEAD + ADA + BO + CY)
    sent = len(company.faulty.written())

    code, _ = company.push(
        HEAD
        + ADA.replace("active", "active ")
        + BO.replace("active", "active\u00a0")
        + CY.replace("com,", "com\u200b\u00a0,").replace("active", " active")
    )

    assert (code, len(company.faulty.written())) == (0, sent)
    assert company.active == everybody("ada", "bo", "cy")


def test_white_space_that_matters_can_be_kept(company: Company) -> None:
    company.configure("trim = false\n")

    assert company.push(HEAD + ADA + BO.replace("active", "active "))[0] == 0
    assert company.active == everybody("ada")


@pytest.mark.parametrize("above", ["sep=,\n", "#TYPE Employee\n", "Employees of ACME\n\n"])
def test_lines_above_the_header_are_no_rows(company: Company, above: str) -> None:
    assert company.push(above + HEAD + ADA + BO)[0] == 0
    assert company.active == everybody("ada", "bo")


def test_a_file_without_a_header_is_read_with_headers(company: Company) -> None:
    company.configure('headers = ["id", "name", "mail", "status"]\n')

    assert company.push(ADA + BO)[0] == 0
    assert company.active == everybody("ada", "bo")


@pytest.mark.parametrize(
    ("source", "footer"),
    [
        ("", "Total: 2\n"),
        ("", "Total: 2"),
        ("", ",,,\nReport generated 2026-11-28,,,\n"),
        ("where = \"status <> ''\"\n", "For internal use only\n"),
        ("where = \"status <> ''\"\n", "For internal use only"),
    ],
)
def test_a_footer_is_no_row_and_keeps_no_leaver(company: Company, source: str, footer: str) -> None:
    company.configure(source, guard="min_records = 1")

    assert company.push(HEAD + ADA + BO + footer)[0] == 0
    assert company.active == everybody("ada", "bo")
    assert company.push(HEAD + ADA + footer)[0] == 0
    assert company.active == everybody("ada", bo=False)


def test_a_wrong_where_stops_the_push_with_the_columns_found(company: Company) -> None:
    company.configure("where = \"state <> 'left'\"\n")

    code, said = company.push(HEAD + ADA)

    assert code == 2
    assert (
        'sync.toml: sources.hr.where: no column "state" in hr.csv [SYNC-0205]\n'
        "  found: id, name, mail, status\n" in said
    )


def test_a_header_that_occurs_twice_matters_only_if_it_is_used(company: Company) -> None:
    text = "id,name,mail,Phone,Phone,status\n1,Ada,ada@example.com,1,2,active\n"
    assert company.push(text)[0] == 0
    company.configure(user=USER + '\'phoneNumbers[type eq "work"].value\' = "Phone"\n')

    code, said = company.push(text)

    assert code == 2
    assert (
        'sync.toml: sources.hr.path: hr.csv has 2 columns "Phone" [SYNC-0206]\n'
        "  found: id, name, mail, Phone, Phone, status\n"
        '  name them in sync.toml: skip = 1, headers = ["id", "name", "mail", "Phone", "Phone 2",'
        ' "status"]\n' in said
    )
    headers = 'skip = 1\nheaders = ["id", "name", "mail", "Phone", "Phone 2", "status"]\n'
    company.configure(headers, user=USER + '\'phoneNumbers[type eq "work"].value\' = "Phone"\n')
    assert company.push()[0] == 0


# Files of a pattern


EIGHT = [f"{n},P{n},p{n}@example.com,active\n" for n in range(1, 9)]


@pytest.mark.parametrize("lost", ["missing", "only a header"])
def test_a_lost_file_of_a_pattern_stops_the_source(company: Company, lost: str) -> None:
    company.configure(path="part-*.csv", guard='min_records = "10%"')
    company.office.write("part-2.csv", HEAD + CY + ADA)
    company.push(HEAD + "".join(EIGHT[3:]), name="part-1.csv")
    before = company.active
    assert len(before) == 7
    if lost == "missing":
        (company.office.folder / "part-2.csv").unlink()
    else:
        company.office.write("part-2.csv", HEAD)
    state = "is missing" if lost == "missing" else "has no record"

    for _ in range(2):
        code, said = company.push()

        assert code == 3
        assert (
            f'aborted: source "hr": part-2.csv {state}, and 2 of its 2 records with it; nothing was'
            " sent [SYNC-0240]\n"
            "  put the file back; if it is gone for good: scimsync push --allow-records 5\n" in said
        )
        assert company.active == before
    assert company.office.run("plan").code == 3
    company.office.write("part-2.csv", HEAD + CY + ADA)
    assert company.push()[0] == 0
    assert company.active == before


def test_an_allowance_has_no_effect_if_another_guard_stops_the_run(company: Company) -> None:
    company.configure(path="part-*.csv", guard='min_records = "10%"\nmax_removals = 1')
    company.office.write("part-2.csv", HEAD + CY + ADA)
    company.push(HEAD + "".join(EIGHT[3:]), name="part-1.csv")
    before = company.active
    (company.office.folder / "part-2.csv").unlink()

    code, said = company.push(None, "--allow-records", "5")
    assert (code, "guard.max_removals" in said) == (3, True)
    code, said = company.push(None, "--allow-removals", "2")

    assert (code, "part-2.csv is missing" in said) == (3, True)
    assert company.active == before
    assert company.push(None, "--allow-removals", "2", "--allow-records", "5")[0] == 0
    assert company.push()[0] == 0


def test_a_file_of_a_pattern_that_is_gone_for_good_is_confirmed(company: Company) -> None:
    company.configure(path="part-*.csv")
    company.office.write("part-2.csv", HEAD + CY)
    company.push(HEAD + ADA + BO, name="part-1.csv")
    (company.office.folder / "part-2.csv").unlink()

    assert company.push(None, "--allow-records", "2")[0] == 0
    assert company.active == everybody("ada", "bo", cy=False)
    assert company.push()[0] == 0


def test_a_file_of_a_pattern_may_be_replaced_by_one_of_another_name(company: Company) -> None:
    company.configure(path="hr-*.csv")
    company.push(HEAD + "".join(EIGHT), name="hr-2026-11-28.csv")
    (company.office.folder / "hr-2026-11-28.csv").unlink()

    # with a leaver and a joiner
    nine = EIGHT[0].replace("1", "9")
    code, said = company.push(HEAD + "".join(EIGHT[1:]) + nine, name="hr-2026-11-29.csv")

    assert (code, "missing" in said) == (0, False)
    assert company.active["p1@example.com"] is False
    assert company.active["p9@example.com"] is True


def test_a_lost_file_of_a_query_stops_the_source(company: Company) -> None:
    source = SOURCE.format(path="x").replace('path = "x"', "query = \"from 'part-*.csv'\"")
    company.office.configure(source=source, user=USER, target=IN_SCOPE)
    company.office.write("part-2.csv", HEAD + CY)
    company.push(HEAD + ADA + BO, name="part-1.csv")
    (company.office.folder / "part-2.csv").rename(company.office.folder / "part-3.csv")
    assert company.push()[0] == 0
    (company.office.folder / "part-3.csv").unlink()

    code, said = company.push(None)

    assert code == 3
    assert 'aborted: source "hr": part-3.csv is missing; nothing was sent [SYNC-0240]' in said
    assert company.active == everybody("ada", "bo", "cy")
