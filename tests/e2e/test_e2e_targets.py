"""Targets are independent of each other; an address and an order by name are taken seriously."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from scimsync.execute import create
from scimsync.execute.journal_writer import JournalWriter
from scimsync.plan import planner
from tests.office import Office, counts, people
from tests.servers.faulty import FaultyServer, running_faulty_server


def three(office: Office, *, crm: str, vault: str) -> None:
    """Three targets from one source."""
    tables = "".join(
        f"""
[targets.{name}]
url = "{url}"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
[targets.{name}.user]
userName = "email | lower"
active = true
"""
        for name, url in (("crm", crm), ("vault", vault))
    )
    office.configure(more=tables)
    office.hire(people(5))


def test_a_target_that_is_down_holds_up_no_other(office: Office, faulty: FaultyServer) -> None:
    with running_faulty_server(office.token) as vault:
        three(office, crm="http://127.0.0.1:9/v2", vault=vault.url)

        ran = office.run("push")

        assert ran.code == 1
        assert "crm: " in ran.err
        assert "Connection refused" in ran.err
        assert "\ncrm: not pushed (" in f"\n{ran.out}"
        assert len(faulty.users) == len(vault.users) == 5
        faulty.forget()
        vault.forget()
        with running_faulty_server(office.token) as crm:
            three(office, crm=crm.url, vault=vault.url)

            assert office.run("push").code == 0

            assert len(crm.users) == 5
        assert (faulty.written(), vault.written()) == ([], [])


def test_a_target_that_refuses_somebody_holds_up_no_other(
    office: Office, faulty: FaultyServer
) -> None:
    with running_faulty_server(office.token) as crm, running_faulty_server(office.token) as vault:
        three(office, crm=crm.url, vault=vault.url)
        crm.fail("POST", status=400, body={"detail": "no"}, times=1)

        ran = office.run("push", "--json")

    assert ran.code == 4
    assert {name: one["failed"] for name, one in ran.document["targets"].items()} == {
        "wiki": 0,
        "crm": 1,
        "vault": 0,
    }
    assert ran.document["outcome"] == "failed"


@pytest.mark.parametrize("where", ["plan", "request", "journal"])
def test_a_bug_at_one_target_holds_up_no_other(
    office: Office, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """`plan`: while crm is planned; `request`: after the third request of one person; `journal`:
    when outcomes are written."""

    def with_a_bug(
        plain: Callable[..., Any], goes_wrong: Callable[..., bool]
    ) -> Callable[..., Any]:
        def wrapped(*values: Any, **named: Any) -> Any:
            if goes_wrong(*values):
                raise KeyError("person3@example.com")
            return plain(*values, **named)

        return wrapped

    with running_faulty_server(office.token) as crm, running_faulty_server(office.token) as vault:
        three(office, crm=crm.url, vault=vault.url)
        places = {
            "plan": (planner, "decide", lambda _, __, policy, *___: policy.target == "crm"),
            "request": (
                create,
                "applied",
                lambda operation, *_: operation.target == "crm" and operation.key == "00003",
            ),
            "journal": (
                JournalWriter,
                "commit_batch",
                lambda self, done, _: self._target == "crm" and done,
            ),
        }
        with monkeypatch.context() as patched:
            module, name, goes_wrong = places[where]
            patched.setattr(module, name, with_a_bug(getattr(module, name), goes_wrong))
            ran = office.run("push")
        assert ran.code == 1
        assert "crm: unexpected error: KeyError in scimsync/" in ran.err
        assert "this is a bug in scimsync" in ran.err
        assert "Traceback" not in ran.err
        assert "person3" not in ran.err
        assert len(faulty.users) == len(vault.users) == 5
        assert len(crm.users) == (0 if where == "plan" else 5)

        faulty.forget()
        office.now += timedelta(hours=1)
        assert office.run("push").code == 0
        assert len(crm.users) == 5
        assert faulty.written() == []
        assert office.run("plan", "--exit-code").code == 0


def test_only_the_targets_that_are_named_are_pushed(office: Office, faulty: FaultyServer) -> None:
    with running_faulty_server(office.token) as crm, running_faulty_server(office.token) as vault:
        three(office, crm=crm.url, vault=vault.url)

        assert office.run("push", "-t", "crm", "-t", "wiki").code == 0

        assert (len(faulty.users), len(crm.users), len(vault.users)) == (5, 5, 0)
        assert office.run("push", "-t", "vualt").code == 2
        assert office.run("push").code == 0
        assert len(vault.users) == 5


def test_another_address_stops_the_push_until_somebody_says_that_it_is_the_same_service(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(5))
    office.push()
    faulty.forget()
    with running_faulty_server(office.token) as other:
        office.configure(url=other.url)

        ran = office.run("push")

        assert ran.code == 3
        assert f'"wiki": its 5 known accounts are those of {faulty.url}' in ran.err
        assert "scimsync push --allow-new-url" in ran.err
        assert other.written() == faulty.written() == []
        other.users = {**faulty.users}
        other.forget()
        assert office.run("push", "--allow-new-url").code == 0
        assert [str(seen) for seen in other.seen] == ["GET /Users/id-00001"]
        assert office.run("push").code == 0


@pytest.mark.parametrize("others", [False, True])
def test_another_address_has_to_prove_that_it_is_the_same_service(
    office: Office, faulty: FaultyServer, others: bool
) -> None:
    """Also where it has other accounts with the same ids."""
    office.hire(people(5))
    office.push()
    office.hire(people(4))
    with running_faulty_server(office.token) as other:
        if others:
            for number in range(1, 6):
                other.add(externalId=f"0000{number}", userName=f"other{number}", active=True)
            for user in other.users.values():
                del user["externalId"]
        office.configure(url=other.url)

        ran = office.run("push", "--allow-new-url")

        assert ran.code == 1
        assert (
            f"wiki: none of 5 known accounts that were read is at {other.url} under its id"
            " [SYNC-0423]\n  nothing was sent to it;"
        ) in ran.err
        assert {seen.method for seen in other.seen} == {"GET"}
        assert len(other.seen) == 5


def test_an_order_by_name_counts_at_every_target_and_until_it_is_lifted(
    office: Office, faulty: FaultyServer
) -> None:
    with running_faulty_server(office.token) as crm, running_faulty_server(office.token) as vault:
        three(office, crm=crm.url, vault=vault.url)
        office.push()

        assert office.run("deprovision", "00002").code == 0

        servers = (faulty, crm, vault)
        assert [server.named("person2@example.com")["active"] for server in servers] == [False] * 3
        assert sum(user["active"] for server in servers for user in server.users.values()) == 12
        assert counts(office.push()) == {}
        assert "00002" in office.run("explain", "00002").out
        assert "deprovisioned" in office.run("explain", "00002").out
        assert office.run("deprovision", "00002", "--lift").code == 0
        office.push()
        assert [server.named("person2@example.com")["active"] for server in servers] == [True] * 3


@pytest.mark.parametrize("source", ["gone", "broken"])
def test_an_order_by_name_needs_no_source(
    office: Office, faulty: FaultyServer, source: str
) -> None:
    office.hire(people(5))
    office.push()
    if source == "gone":
        (office.folder / "hr.csv").unlink()
    else:
        office.write("hr.csv", "")

    ran = office.run("deprovision", "00002")

    assert (ran.code, faulty.named("person2@example.com")["active"]) == (0, False)


def test_an_order_about_nobody_is_a_typing_error(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(5))
    office.push()
    faulty.forget()

    ran = office.run("deprovision", "00099")

    assert ran.code == 2
    assert 'unknown key "00099": no source record and no linked account' in ran.err
    assert faulty.seen == []
