"""A guard, a source or a secret stops the targets that share the source concerned; others go on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import copytree

import pytest

from tests.fsync import skip_fsync
from tests.office import USER, Office, people, person
from tests.servers.faulty import FaultyServer, running_faulty_server

SOURCES = """
[sources.hr]
type = "file"
path = "hr.csv"
key = "id"
[sources.staff]
type = "file"
path = "staff.csv"
key = "id"
"""

TARGETS = {"wiki": ["hr"], "chat": ["hr", "staff"], "crm": ["staff"], "lab": ["lab"]}
LAB = """
[sources.lab]
type = "file"
path = "lab.csv"
key = "id"
"""


@dataclass
class Estate:
    """wiki and chat share hr, chat and crm share staff; lab has a source of its own."""

    office: Office
    servers: dict[str, FaultyServer]
    tokens: dict[str, str] = field(default_factory=dict)

    def configure(self, guard: str = "", *, user: str = USER) -> None:
        tables = "".join(
            f"""
[targets.{name}]
url = "{self.servers[name].url}"
source = {json.dumps(sources)}
auth = {{ type = "bearer", token = "{self.tokens.get(name, "env:WIKI_TOKEN")}" }}
[targets.{name}.user]
{user if name == "wiki" else USER}
"""
            for name, sources in TARGETS.items()
        )
        self.office.write("sync.toml", f"{SOURCES}{LAB}\n[guard]\n{guard}\n{tables}")

    def written(self) -> dict[str, int]:
        """Target -> how many accounts were written, for those where any was."""
        numbers = {name: len(server.written()) for name, server in self.servers.items()}
        for server in self.servers.values():
            server.forget()
        return {name: number for name, number in numbers.items() if number}


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """Thirty people in hr, forty in staff, twenty in lab, who all have accounts."""
    folder = tmp_path_factory.mktemp("pushed")
    with ExitStack() as running:
        running.enter_context(skip_fsync())
        servers = {name: running.enter_context(running_faulty_server()) for name in TARGETS}
        office = Office(folder, servers["wiki"].url, servers["wiki"].token)
        made = Estate(office, servers)
        made.configure()
        office.hire(people(30))
        office.hire([person(number) for number in range(101, 141)], "staff.csv")
        office.hire([person(number) for number in range(201, 221)], "lab.csv")
        assert office.run("push", "-q").code == 0
        assert made.written() == {"wiki": 30, "chat": 70, "crm": 40, "lab": 20}
        yield made


@pytest.fixture
def estate(pushed: Estate, tmp_path: Path) -> Iterator[Estate]:
    """What `pushed` made, for one test: its folder is a copy, and its servers are put back."""
    copytree(pushed.office.folder, tmp_path, dirs_exist_ok=True)
    users = {name: deepcopy(server.users) for name, server in pushed.servers.items()}
    yield Estate(replace(pushed.office, folder=tmp_path), pushed.servers)
    for name, server in pushed.servers.items():
        server.users = users[name]
        server.faults.clear()
        server.forget()


def hire_one_everywhere(office: Office) -> None:
    office.hire([*people(30), person(31)])
    office.hire([person(number) for number in range(101, 142)], "staff.csv")
    office.hire([person(number) for number in range(201, 222)], "lab.csv")


def test_a_guard_of_a_target_stops_those_that_share_its_source(estate: Estate) -> None:
    office = estate.office
    hire_one_everywhere(office)
    office.hire(people(24))  # six of thirty are too many for wiki, six of seventy are not for chat

    ran = office.run("push")

    assert ran.code == 3
    assert estate.written() == {"crm": 1, "lab": 1}
    assert (
        'guard.max_removals: 6 of 30 accounts at "wiki" would be deactivated or deleted (limit 10%,'
        " here 5); nothing was sent to wiki, chat [SYNC-0501]"
    ) in ran.err
    assert "lab: 1 create" in ran.out
    assert "wiki:" not in ran.out
    # the records of staff are those of crm by now; chat plans them when it is pushed again
    hire_one_everywhere(office)
    assert office.run("push").code == 0
    assert estate.written() == {"wiki": 1, "chat": 2}
    assert office.run("push").code == 0
    assert estate.written() == {}


def test_the_documents_say_which_targets_were_stopped(estate: Estate) -> None:
    office = estate.office
    hire_one_everywhere(office)
    office.hire(people(24))

    planned, pushed = office.run("plan", "--json"), office.run("push", "--json")

    assert (planned.code, pushed.code) == (3, 3)
    assert pushed.document["outcome"] == "stopped"
    assert pushed.document["guard"] == planned.document["guard"]
    assert "6 of 30 accounts" in pushed.document["guard"]
    errors = {name: one["error"] for name, one in pushed.document["targets"].items()}
    assert errors == {name: one["error"] for name, one in planned.document["targets"].items()}
    assert errors["wiki"].startswith("wiki: aborted by guard.max_removals: 6 of 30 accounts")
    assert errors["chat"] == (
        'chat: not pushed: it shares source "hr" with "wiki", which a guard stopped'
    )
    assert (errors["crm"], errors["lab"]) == (None, None)
    assert planned.document["targets"]["wiki"]["counts"] == {"deactivate": 6}
    assert pushed.document["targets"]["wiki"]["counts"] == {}
    assert pushed.document["targets"]["crm"]["counts"] == {"create": 1}


def test_a_plan_says_to_which_targets_nothing_would_be_sent(estate: Estate) -> None:
    office = estate.office
    hire_one_everywhere(office)
    office.hire(people(24))

    text, markdown = office.run("plan"), office.run("plan", "--format", "markdown")

    assert "; nothing would be sent to wiki, chat [SYNC-0501]" in text.err
    assert "Plan for wiki: 6 deactivate" in text.out
    assert "Nothing would be sent to wiki, chat." in markdown.out
    assert office.run("plan", "--out", "tonight.plan").code == 3


def test_a_refused_file_has_no_effect_on_the_targets_that_were_stopped(estate: Estate) -> None:
    office = estate.office
    office.hire([person(number, dept="gone") for number in range(1, 25)])
    assert office.run("push").code == 3
    office.hire(people(30))
    assert office.run("push").code == 0

    assert estate.written() == {}


def shrink(estate: Estate) -> None:
    """A guard of the source itself."""
    estate.office.hire(people(20))


def empty(estate: Estate) -> None:
    """A file of zero bytes, which is found before the run begins."""
    estate.office.write("hr.csv", "")


def header_only(estate: Estate) -> None:
    """No rows, which is found while the source is read."""
    estate.office.hire([])


def lose(estate: Estate) -> None:
    """No file."""
    (estate.office.folder / "hr.csv").unlink()


def cut(estate: Estate) -> None:
    """A file that is still being written."""
    text = (estate.office.folder / "hr.csv").read_text("utf-8")
    estate.office.write("hr.csv", text + '00031,"person31@exam')


def rename_column(estate: Estate) -> None:
    """A column that an expression names is missing."""
    text = (estate.office.folder / "hr.csv").read_text("utf-8")
    estate.office.write("hr.csv", text.replace("email", "mail", 1))


def rename_key(estate: Estate) -> None:
    """The key column is missing."""
    text = (estate.office.folder / "hr.csv").read_text("utf-8")
    estate.office.write("hr.csv", text.replace("id", "number", 1))


def scramble(estate: Estate) -> None:
    """Bytes of another encoding."""
    path = estate.office.folder / "hr.csv"
    path.write_bytes(path.read_bytes() + b"00031,m\xfcller,a,b,IT,\n")


@pytest.mark.parametrize(
    ("harm", "code", "says"),
    [
        (shrink, 3, "guard.min_records"),
        (empty, 3, "hr.csv is empty"),
        (header_only, 3, "hr.csv"),
        (lose, 1, "there is no file hr.csv"),
        (cut, 1, "still being written"),
        (rename_column, 2, 'no column "email" in source hr'),
        (rename_key, 2, "hr.csv"),
        (scramble, 2, "hr.csv"),
    ],
)
@pytest.mark.parametrize("command", ["push", "plan"])
def test_a_source_stops_those_that_share_it(
    estate: Estate, command: str, harm: Callable[[Estate], None], code: int, says: str
) -> None:
    office = estate.office
    hire_one_everywhere(office)
    harm(estate)

    ran = office.run(command)

    assert (ran.code, "Traceback" in ran.err) == (code, False)
    assert says in ran.err
    assert ran.err.count(says) == 1
    assert f"nothing {'was' if command == 'push' else 'would be'} sent to wiki, chat" in ran.err
    assert estate.written() == ({"crm": 1, "lab": 1} if command == "push" else {})
    document = office.run("plan", "--json").document
    errors = {name: one["error"] for name, one in document["targets"].items()}
    assert [name for name, error in errors.items() if error is not None] == ["wiki", "chat"]
    assert (document["guard"] is not None) == (code == 3)

    hire_one_everywhere(office)
    assert office.run("push").code == 0
    assert {"wiki": 1, "chat": 2}.items() <= estate.written().items()
    assert office.run("push").code == 0
    assert estate.written() == {}


@pytest.mark.parametrize(
    ("token", "code", "says"),
    [
        ("env:MISSING_TOKEN", 2, "the environment variable MISSING_TOKEN is not set"),
        ("file:nowhere", 2, "no such file"),
        ("cmd:false", 1, "the command false ended with exit code 1"),
    ],
)
def test_a_secret_stops_its_target(estate: Estate, token: str, code: int, says: str) -> None:
    office = estate.office
    estate.tokens["wiki"] = token
    estate.configure()
    hire_one_everywhere(office)

    ran = office.run("push")

    assert ran.code == code
    assert f"targets.wiki.auth.token: {says}" in ran.err
    assert "nothing was sent to wiki\n" in ran.err
    assert estate.written() == {"chat": 2, "crm": 1, "lab": 1}
    estate.tokens.clear()
    estate.configure()
    assert office.run("push").code == 0
    assert estate.written() == {"wiki": 1}


def test_what_is_wrong_in_the_configuration_stops_all(estate: Estate) -> None:
    hire_one_everywhere(estate.office)
    estate.configure(user=USER.replace('"email | lower"', '"email | lowr"'))

    ran = estate.office.run("push")

    assert ran.code == 2
    assert estate.written() == {}


@pytest.mark.parametrize(
    ("harms", "code"),
    [
        # a guard before a source, a source before a failed operation
        ("guard source", 3),
        ("guard secret", 3),
        ("secret source", 2),
        ("source failure", 1),
        ("guard failure", 3),
        ("failure", 4),
        ("target failure", 1),
    ],
)
def test_of_several_exit_codes_one_takes_precedence(estate: Estate, harms: str, code: int) -> None:
    office = estate.office
    hire_one_everywhere(office)
    if "guard" in harms:
        office.hire(people(24))
    if "source" in harms:
        (office.folder / "staff.csv").unlink()
    if "secret" in harms:
        estate.tokens["lab"] = "env:MISSING_TOKEN"
        estate.configure()
    if "failure" in harms:
        estate.servers["lab"].fail("POST", status=400, times=50)
    if "target" in harms:
        estate.servers["crm"].fail(status=401, times=50)

    assert office.run("push").code == code


def test_a_saved_plan_is_not_carried_out_in_part(estate: Estate) -> None:
    office = estate.office
    hire_one_everywhere(office)
    assert office.run("plan", "--out", "tonight.plan").code == 0
    kept = (office.folder / "hr.csv").read_text("utf-8")
    for harm, code in ((lose, 1), (shrink, 3), (rename_column, 2)):
        office.write("hr.csv", kept)
        harm(estate)
        assert office.run("push", "tonight.plan").code == code
        assert estate.written() == {}
    office.write("hr.csv", kept)

    assert office.run("push", "tonight.plan").code == 0
    assert estate.written() == {"wiki": 1, "chat": 2, "crm": 1, "lab": 1}


def test_one_target_alone_is_not_stopped_by_another(estate: Estate) -> None:
    office = estate.office
    hire_one_everywhere(office)
    office.hire(people(24))

    assert office.run("push", "-t", "chat").code == 0
    assert estate.written() == {"chat": 7}


def test_status_and_explain_show_what_is_known(estate: Estate) -> None:
    lose(estate)

    status = estate.office.run("status", "--json").document
    explained = estate.office.run("explain", "00101", "--json").document

    assert "there is no file" in status["error"]
    assert status["targets"]["wiki"]["reconfigured"] is None
    assert status["targets"]["crm"]["reconfigured"] is False
    assert explained["targets"]["crm"]["would_send"] == []
    assert explained["targets"]["chat"]["would_send"] is None
    assert "there is no file" in explained["targets"]["chat"]["note"]
