"""Servers whose answers are not true, through the command line: exit codes and whole messages."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from tests.execute.story import one_of
from tests.execute.test_lying_targets import ERROR, WITH_ROLE, sets, to
from tests.execute.test_slow_targets import until, with_crm
from tests.office import MANAGER, USER, Office, Pauses, people, person, resource
from tests.servers.faulty import FaultyServer, running_faulty_server

SOON = timedelta(minutes=6)
"""The pause after a first failure is over then."""
_PROGRESS = re.compile(r".+: [\d,]+ in [\d.]+ s")


def said(office: Office, *arguments: str) -> tuple[int, str, list[str]]:
    """Exit code, the results without how long they took, and all lines of messages."""
    ran = office.run(*arguments)
    lines = [line for line in ran.err.splitlines() if not _PROGRESS.fullmatch(line)]
    return ran.code, re.sub(r" \(\d+ requests?, [\d.]+ s\)\n", "\n", ran.out).strip(), lines


def journal(run: int) -> str:
    return f"For details: scimsync journal --run {run} --failed"


def still(*keys: str) -> list[str]:
    """What a push says of leavers whose access is not proven to be gone."""
    who = "1 leaver" if len(keys) == 1 else f"{len(keys)} leavers"
    return [
        f"wiki: {who} may still have access: {', '.join(keys)} [SYNC-0372]",
        "  for details: scimsync status; to retry now: scimsync retry",
    ]


def refusal(detail: str, status: int = 400) -> dict[str, Any]:
    return {**ERROR, "status": str(status), "detail": detail}


def account(number: int) -> dict[str, Any]:
    """The active account of somebody, as the target shows it."""
    return {**resource(person(number)), "id": f"id-{number:05}"}


def first_push(office: Office, number: int = 5) -> None:
    office.hire(people(number))
    assert said(office, "push") == (0, f"wiki: {number} create", [])


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"error": "no route"}, ': {"error": "no route"}'),
        (b"", ""),
        (refusal("not enabled", 404), ": not enabled"),
    ],
    ids=["gateway", "no body", "SCIM error"],
)
def test_a_404_to_everything_ticks_no_leaver_off(
    office: Office, faulty: FaultyServer, body: Any, text: str
) -> None:
    first_push(office)
    faulty.fail(status=404, body=body, times=99)
    office.hire(people(4))

    pushed = said(office, "push")
    status = office.run("status").out

    unproven = f"404{text}; its outcome is unknown: GET /Users: 404{text} [SYNC-0403]"
    why = f"PATCH /Users/id-00005: {unproven}"
    messages = [f"wiki: deactivate 00005: {why}", *still("00005"), journal(2)]
    assert pushed == (4, "wiki: no changes, 1 failed", messages)
    assert f"\n    00005  failed 1 time  {why}\n" in status
    assert "\n  1 leaver may still have access [SYNC-0372]\n    00005  since 2026" in status
    faulty.faults.clear()
    office.now += SOON
    assert said(office, "push") == (0, "wiki: 1 deactivate", [])
    assert not faulty.users["id-00005"]["active"]


@dataclass(frozen=True)
class Answer:
    """The answer to each request about a leaver that changes something, and what the push says of
    it."""

    status: int
    said: str
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)


UNDELETED = "deactivate first; the account is deactivated, and its deletion stays due"
ANSWERS: Mapping[str, tuple[str, Sequence[Answer]]] = {
    "2xx": (
        "deactivate",
        [
            Answer(200, "the answer shows active true [SYNC-0404]", account(6)),
            Answer(200, "the answer shows the resource id-00001 [SYNC-0404]", account(1)),
            Answer(200, "400: not today [SYNC-0404]", refusal("not today")),
        ],
    ),
    "202 and 403": (
        "deactivate",
        [
            Answer(
                202,
                "202, which promises nothing yet (Set-Txn: 1) [SYNC-0430]",
                headers={"Set-Txn": "1"},
            ),
            Answer(403, "403: it is the owner [SYNC-0404]", refusal("it is the owner", 403)),
            Answer(403, "403 [SYNC-0405]", headers={"X-RateLimit-Remaining": "0"}),
        ],
    ),
    "no DELETE": (
        "delete",
        [
            Answer(status, f"{status}: {UNDELETED} [{code}]", refusal("deactivate first", status))
            for status, code in ((405, "SYNC-0404"), (501, "SYNC-0404"), (500, "SYNC-0405"))
        ],
    ),
    "deactivate first": (
        "delete",
        [Answer(400, f"400: {UNDELETED} [SYNC-0404]", refusal("deactivate first"))],
    ),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_a_leaver_is_ticked_off_only_by_proof(
    office: Office, faulty: FaultyServer, case: str
) -> None:
    action, answers = ANSWERS[case]
    method = "DELETE" if action == "delete" else "PATCH"
    office.configure(
        target=f'leave = {{ action = "{action}" }}\nconcurrency = 1', guard='min_records = "0%"'
    )
    first_push(office, 8)
    leavers = [f"{number:05}" for number in (6, 7, 8)[: len(answers)]]
    for key, answer in zip(leavers, answers, strict=True):
        about = to(f"id-{key}", method)
        faulty.fail(status=answer.status, body=answer.body, headers=answer.headers, **about)
    office.hire(row for row in people(8) if row["id"] not in leavers)

    pushed = said(office, "push")
    status = office.run("status").out

    whys = {
        key: f"{method} /Users/id-{key}: {answer.said}"
        for key, answer in zip(leavers, answers, strict=True)
    }
    messages = [
        *(f"wiki: {action} {key}: {why}" for key, why in whys.items()),
        *(still(*leavers) if action == "deactivate" else []),
        journal(2),
    ]
    assert pushed == (4, f"wiki: no changes, {len(leavers)} failed", messages)
    for key, why in whys.items():
        assert f"\n    {key}  failed 1 time  {why}\n" in status
        assert faulty.users[f"id-{key}"]["active"] is (action == "deactivate")
    assert ("may still have access" in status) is (action == "deactivate")
    faulty.faults.clear()
    office.now += SOON
    assert said(office, "push") == (0, f"wiki: {len(leavers)} {action}", [])
    assert not any(faulty.users.get(f"id-{key}", {}).get("active") for key in leavers)


def test_a_202_that_reading_confirms_is_done(office: Office, faulty: FaultyServer) -> None:
    first_push(office)
    faulty.fail(status=202, headers={"Set-Txn": "1"}, effect=True, **to("id-00005", "PATCH"))
    office.hire(people(4))

    assert said(office, "push") == (0, "wiki: 1 deactivate", [])
    assert said(office, "push") == (0, "wiki: no changes", [])


def test_accounts_with_new_ids_are_found(office: Office, faulty: FaultyServer) -> None:
    first_push(office, 8)
    faulty.users = {
        f"new-{name}": {**user, "id": f"new-{name}"} for name, user in faulty.users.items()
    }
    office.hire([person(1, dept="Sales"), *people(7)[1:], person(9)])

    assert said(office, "push") == (0, "wiki: 1 create, 1 update, 1 deactivate", [])

    assert len(faulty.users) == 9
    assert not faulty.users["new-id-00008"]["active"]
    assert said(office, "push") == (0, "wiki: no changes", [])


def test_a_403_for_one_account_holds_up_nobody_else(office: Office, faulty: FaultyServer) -> None:
    first_push(office, 6)
    faulty.fail(status=403, body=refusal("an owner stays", 403), **to("id-00001", "PATCH"))
    office.hire([person(1, dept="Sales"), *people(5)[1:], person(7)])
    why = "wiki: update 00001: PATCH /Users/id-00001: 403: an owner stays [SYNC-0404]"

    assert said(office, "push") == (4, "wiki: 1 create, 1 deactivate, 1 failed", [why, journal(2)])
    code, line, messages = said(office, "push")  # it pauses by itself
    assert (code, line, "SYNC-0398" in messages[0]) == (4, "wiki: no changes", True)
    office.now += SOON
    assert said(office, "push") == (4, "wiki: no changes, 1 failed", [why, journal(4)])


@pytest.mark.parametrize("refused", ["GET", "PATCH"])
def test_a_403_for_the_list_or_for_many_is_the_tokens(
    office: Office, faulty: FaultyServer, refused: str
) -> None:
    office.configure(target="concurrency = 1", guard='max_updates = "100%"')
    first_push(office, 8)
    faulty.fail(refused, status=403, body=refusal("not for you", 403), times=99)
    office.hire([*(person(number, dept="Sales") for number in range(1, 9)), person(9)])

    code, _, messages = said(office, "push")

    where = "GET /Users" if refused == "GET" else "PATCH /Users/id-00005"
    failed = [
        f"wiki: update 0000{number}: PATCH /Users/id-0000{number}: 403: not for you [SYNC-0404]"
        for number in (1, 2, 3)
    ]
    assert code == 1
    assert messages == [
        f"wiki: {where}: 403: not for you [SYNC-0402]",
        "  check the target's token and its permissions",
        *([] if refused == "GET" else [*failed, journal(2)]),
    ]
    assert len(faulty.users) == 8
    faulty.faults.clear()
    office.now += SOON
    assert said(office, "push") == (0, "wiki: 1 create, 8 update", [])


def test_a_refused_attribute_leaves_no_role(office: Office, faulty: FaultyServer) -> None:
    office.configure(user=WITH_ROLE)
    first_push(office, 3)
    for name in ("userName", "title"):
        about = partial(sets, path=name)
        faulty.fail("PATCH", where=about, status=400, body=refusal(f"{name} stays"), times=99)
    moved = person(3, dept="Sales", given="Longer", email="new@example.com")
    office.hire([*people(2), moved])

    pushed = said(office, "push")

    why = (
        "userName: PATCH /Users/id-00003: 400: userName stays; title: PATCH /Users/id-00003: 400:"
        " title stays [SYNC-0404]"
    )
    messages = [f"wiki: update 00003: {why}", journal(2)]
    assert pushed == (4, "wiki: no changes, 1 failed", messages)
    held = faulty.users["id-00003"]
    assert held["roles"] == [{"value": "Sales"}]
    assert (held["displayName"], held["title"]) == ("Longer Family3", "Given3")
    faulty.faults.clear()
    office.now += SOON
    assert said(office, "push") == (0, "wiki: 1 update", [])
    assert faulty.users["id-00003"]["title"] == "Longer"


def test_another_user_name_than_was_sent_is_no_success(
    office: Office, faulty: FaultyServer
) -> None:
    first_push(office)
    faulty.fail(status=200, body=account(5), **to("id-00005", "PATCH"))
    office.hire([*people(4), person(5, email="new@example.com")])
    why = "PATCH /Users/id-00005: the answer shows userName 'person5@example.com' [SYNC-0404]"

    code, _, messages = said(office, "push")

    assert (code, messages) == (4, [f"wiki: update 00005: userName: {why}", journal(2)])
    faulty.faults.clear()
    office.now += SOON
    assert said(office, "push") == (0, "wiki: no changes", [])  # the PUT of the e-mail wrote it too
    assert faulty.users["id-00005"]["userName"] == "new@example.com"


@pytest.mark.parametrize(
    ("status", "shown", "owner"), [(200, "id-00001", "00001"), (201, "same", "00002")]
)
def test_an_account_belongs_to_one_user(
    office: Office, faulty: FaultyServer, status: int, shown: str, owner: str
) -> None:
    """All creations are answered with the account of somebody else, or with one id."""
    office.configure(target="concurrency = 1")
    first_push(office, 1)
    before = dict(faulty.users)
    faulty.fail("POST", status=status, body=before.get(shown, {"id": shown}), times=2)
    office.hire(people(3))

    code, _, messages = said(office, "push")

    keys = [key for key in ("00002", "00003") if key != owner]
    why = f"the target answered with the account of {owner} [SYNC-0370]"
    assert (code, messages) == (4, [*(f"wiki: create {key}: {why}" for key in keys), journal(2)])
    assert faulty.users == before
    office.now += SOON
    assert said(office, "push") == (0, "wiki: 2 create", [])
    assert {link.remote_id for link in office.links().values()} == set(faulty.users)
    assert said(office, "push") == (0, "wiki: no changes", [])


def test_adopted_accounts_that_are_off_are_switched_on(
    office: Office, faulty: FaultyServer
) -> None:
    values = ["False", 0, None, "inactive"]
    for number, active in enumerate(values, 1):
        faulty.add(**resource(person(number)) | {"active": active})
    office.hire(people(4))

    assert office.run("plan").out.count("      reactivates the account\n") == 4
    assert said(office, "push") == (0, "wiki: 4 adopt", [])

    assert [user["active"] for user in faulty.users.values()] == [True] * 4
    assert said(office, "push") == (0, "wiki: no changes", [])


def test_names_are_compared_by_case_and_not_by_folding(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER.replace("email | lower", "email"))
    faulty.add(externalId="x", userName="strauss@example.com", displayName="Given2 Family2")
    names = ["strauß@example.com", "Strauss@example.com", "STRAUß@example.com"]
    office.hire([person(number, email=name) for number, name in enumerate(names, 1)])

    pushed = said(office, "push")

    why = "hr 00003: wiki: userName STRAUß@example.com is {} 00001 [SYNC-0341]"
    messages = [why.format("also wanted by"), journal(1)]
    assert pushed == (4, "wiki: 1 create, 1 adopt, 1 failed", messages)
    assert [link.remote_id for link in office.links().values()][:2] == ["id-00001", "id-x"]
    messages = [why.format("taken by the account of"), journal(2)]
    assert said(office, "push") == (4, "wiki: no changes, 1 failed", messages)
    assert len(faulty.users) == 2


def test_of_groups_with_one_name_the_first_is_made(real_office: Office) -> None:
    """Two values of one table, and a value of another table."""
    office = real_office
    table = '[targets.wiki.groups.departments]\neach = "dept"\ndisplayName = "value"\n'
    office.configure(more=table + table.replace("departments", "teams").replace("dept", "family"))
    office.hire([person(1), person(2, dept="It", family="it")])

    code, _, messages = said(office, "push")

    def told(how: str) -> list[str]:
        return [
            f"hr {key}: wiki: displayName {name} is {how} departments:IT [SYNC-0341]"
            for key, name in (("departments:It", "It"), ("teams:it", "it"))
        ]

    assert (code, messages) == (4, [*told("also wanted by"), journal(1)])
    messages = [*told("taken by the group"), journal(2)]
    assert said(office, "push") == (4, "wiki: no changes, 2 failed", messages)
    assert len(one_of(office, "Groups", displayName="IT")["members"]) == 1


def test_leavers_go_out_while_another_target_asks_for_five_minutes(
    office: Office, faulty: FaultyServer, pauses: Pauses
) -> None:
    """crm answers once the pause of wiki has begun, and the pause lasts until the leaver is out of
    crm."""
    with running_faulty_server(office.token) as crm:
        with_crm(office, crm)
        office.hire(people(5))
        assert said(office, "push") == (0, "wiki: 5 create\ncrm: 5 create", [])
        crm.forget()
        faulty.fail(status=429, headers={"Retry-After": "300"})
        paused, left_crm = threading.Event(), threading.Event()
        crm.fail("GET", until=paused)

        async def sleep(seconds: float) -> None:
            await pauses.sleep(seconds)
            if seconds > 200:
                paused.set()
                leaver = crm.named("person5@example.com")["id"]
                await asyncio.to_thread(until, lambda: not crm.users[leaver]["active"])
                left_crm.set()

        office.time = replace(office.time, sleep=sleep)
        office.hire([*people(4), person(6)])

        pushed = said(office, "push")

        done = "1 create, 1 deactivate"
        pause = ["wiki: requests a pause of 300 s"]
        assert pushed == (0, f"wiki: {done}\ncrm: {done}", pause)
        assert left_crm.is_set()
        assert not faulty.named("person5@example.com")["active"]


def test_an_adoption_with_the_right_manager_sends_nothing(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER + MANAGER)
    office.hire([person(number, manager=f"{number % 3 + 1:05}") for number in (1, 2, 3)])
    assert said(office, "push") == (0, "wiki: 3 create, 3 update", [])
    (office.folder / "scimsync.db").unlink()
    faulty.forget()

    assert said(office, "push") == (0, "wiki: 3 adopt", [])

    assert faulty.written() == []
    assert said(office, "push") == (0, "wiki: no changes", [])


@pytest.mark.sqlite
def test_a_state_of_yesterday_is_settled_by_a_refresh(office: Office, faulty: FaultyServer) -> None:
    first_push(office, 8)
    state = office.folder / "scimsync.db"
    backup = state.read_bytes()
    office.now += timedelta(hours=1)
    office.hire([person(1, dept="Sales"), *people(7)[1:], person(9)])
    assert said(office, "push") == (0, "wiki: 1 create, 1 update, 1 deactivate", [])
    for file in office.folder.glob("scimsync.db*"):
        file.unlink()
    state.write_bytes(backup)
    faulty.forget()

    pushed = said(office, "push", "--refresh")

    hint = (
        "hr: the state is older than hr.index.duckdb; if it was restored from a backup: scimsync"
        " push --refresh [SYNC-0427]"
    )
    assert pushed == (0, "wiki: 1 adopt", [hint])
    assert faulty.written() == []
    assert office.links()["00008"].status == "inactive"
    assert said(office, "push") == (0, "wiki: no changes", [])


def test_each_of_several_requests_has_to_reach_the_account(
    office: Office, faulty: FaultyServer
) -> None:
    """A target that takes one change in a request answers the first of two with another account."""
    office.configure(guard='max_updates = "100%"')
    first_push(office, 4)
    several = faulty.fail(
        "PATCH", where=lambda seen: len((seen.body or {})["Operations"]) > 1, status=400, times=99
    )
    new = {"given": "Noor", "family": "Ober"}
    office.hire([person(1, **new), *people(4)[1:]])
    office.push()
    assert faulty.users["id-00001"]["name"] == {"givenName": "Noor", "familyName": "Ober"}

    faulty.fail("PATCH", status=200, body=faulty.users["id-00003"], times=1)
    office.hire([person(1, **new), person(2, **new), *people(4)[2:]])
    codes = [office.push().exit_code]
    faulty.faults[:] = [several]
    for _ in range(2):
        office.now += SOON
        codes.append(office.push().exit_code)

    assert codes[-1] == 0
    assert faulty.users["id-00002"]["name"] == {"givenName": "Noor", "familyName": "Ober"}
