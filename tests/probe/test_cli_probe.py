"""`scimsync probe`: options, messages, exit codes, reports."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.documentation import page, section, sessions
from tests.office import Office
from tests.servers.defects import Defect, DefectiveProvider, running_provider
from tests.servers.faulty import FaultyServer

TOKEN = ("--token", "env:APP_TOKEN")


@pytest.fixture
def state(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of ledgers for a URL, in an office whose environment has the token."""
    (office.folder / "sync.toml").unlink(missing_ok=True)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("APP_TOKEN", "sesame-open")
    return tmp_path / "state" / "scimsync"


@pytest.fixture
def server() -> Iterator[DefectiveProvider]:
    with running_provider() as running:
        yield running


@pytest.fixture
def broken() -> Iterator[DefectiveProvider]:
    with running_provider(Defect.PUT_REFUSED) as running:
        yield running


def test_a_correct_server_passes_without_a_sync_toml(
    office: Office, state: Path, server: DefectiveProvider
) -> None:
    ran = office.run("probe", server.url, *TOKEN, "--as", "okta")

    assert ran.code == 0
    assert "FAILED" not in ran.out
    assert "  Okta      100 % " in ran.out
    assert server.stored == {"Users": {}, "Groups": {}}
    assert list(state.glob("*")) == []


def test_a_target_of_sync_toml_is_probed_with_its_credentials(
    office: Office, server: DefectiveProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIKI_TOKEN", server.token)
    office.configure(url=server.url)

    ran = office.run("probe", "wiki", "--as", "okta-put", "--only", "users")

    assert ran.code == 0, ran.err
    assert {one.path.split("/")[1] for one in server.seen} == {"Users"}


def test_a_failure_names_provider_request_standard_and_hint(
    office: Office, state: Path, broken: DefectiveProvider
) -> None:
    ran = office.run("probe", broken.url, *TOKEN, "--as", "okta-put", "--only", "users")

    assert ran.code == 4
    for shown in (
        "FAILED  PUT takes a user as it was read, with one attribute changed\n",
        "  breaks    Okta (App Integration Wizard)\n",
        "  found     refused with status 501\n",
        "  standard  Okta SCIM 2.0 reference, Update a specific User (PUT)\n",
        "    PUT /Users/",
        "    501 application/scim+json\n",
    ):
        assert shown in ran.out
    assert "sesame-open" not in ran.out + ran.err


def test_the_guide_shows_what_the_program_prints(
    office: Office, state: Path, broken: DefectiveProvider
) -> None:
    guide = page("docs/how-to/test-your-scim-server.md")
    ((_, shown),) = sessions(section(guide, "Read the report"))

    ran = office.run("probe", broken.url, *TOKEN, "--as", "okta-put", "--only", "groups")

    printed = ran.out.partition("\n\n")[0].splitlines()
    ids = [line.split("/")[-1] for line in printed if "PUT /Groups/" in line]
    for line, wanted in zip(printed, shown.splitlines(), strict=True):
        if ids[0] not in line:
            assert line == wanted or "scimsync-probe-" in line


def test_json_has_each_check_of_each_provider(
    office: Office, state: Path, broken: DefectiveProvider
) -> None:
    document = office.run("probe", broken.url, *TOKEN, "--as", "okta,okta-put", "--json").document

    assert document["exit_code"] == 4
    assert document["providers"]["okta-put"]["title"] == "Okta (App Integration Wizard)"
    assert document["providers"]["okta-put"]["percent"] < 100
    failed = [
        (one["id"], one["provider"]) for one in document["checks"] if one["outcome"] == "failed"
    ]
    assert ("okta-put", "okta") in failed
    assert ("okta-put-deactivate", "okta-put") in failed
    (result,) = [one for one in document["checks"] if one["id"] == "okta-put-deactivate"]
    assert result["exchanges"][0]["status"] == 501
    headers = dict(result["exchanges"][0]["request_headers"])
    assert headers["User-Agent"] == "Okta SCIM Client 1.0.0"
    assert headers["Authorization"] == "***"


def test_a_report_in_a_file_is_private(
    office: Office, state: Path, server: DefectiveProvider
) -> None:
    ran = office.run(
        "probe", server.url, *TOKEN, "--as", "okta-put", "--out", "report.json", "--json"
    )

    file = office.folder / "report.json"
    assert ran.code == 0
    assert ran.out == ""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text("utf-8"))["exit_code"] == 0


def test_kept_resources_are_removed_by_clean(
    office: Office, state: Path, server: DefectiveProvider
) -> None:
    kept = office.run("probe", server.url, *TOKEN, "--as", "okta", "--keep")
    assert kept.code == 0
    assert "kept 3 resources named scimsync-probe-" in kept.err
    assert len(server.stored["Users"]) == 3

    cleaned = office.run("probe", server.url, *TOKEN, "--clean")

    assert cleaned.code == 0
    assert server.stored == {"Users": {}, "Groups": {}}
    assert "removed" in cleaned.out
    assert list(state.glob("*")) == []
    again = office.run("probe", server.url, *TOKEN, "--clean", "--json")
    assert again.document == {"removed": 0, "left": [], "exit_code": 0}


def test_what_cannot_be_removed_is_reported(office: Office, state: Path) -> None:
    with running_provider(Defect.DELETE_KEEPS) as server:
        ran = office.run("probe", server.url, *TOKEN, "--as", "okta-put")

        assert ran.code == 4
        assert "2 resources could not be removed: [SYNC-0964]" in ran.err
        assert "DELETE answers status 200, and GET status 200 after that" in ran.err

        server.defects = frozenset()
        assert office.run("probe", server.url, *TOKEN, "--clean").code == 0
        assert server.stored["Users"] == {}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        # a typing error, with a suggestion
        (["URL", *TOKEN, "--as", "otka"], 2, 'did you mean "okta"?'),
        # options that go with a URL only
        (["wiki", *TOKEN], 2, "[SYNC-0960]"),
        (["URL", "--set", "timeout"], 2, "[SYNC-0960]"),
        # secrets
        (["URL", "--token", "sesame-open"], 2, "--token: must be a reference to a secret"),
        (["URL", "--token", "env:NOT_SET"], 2, "--token: the environment variable NOT_SET is"),
        (["URL", "--token", "literal:a b"], 2, "--token: the bearer token is empty or contains"),
        (["URL", "--set", "auth.type=basik"], 2, "--set auth.type: this type of authent"),
        (["URL", "--set", "auth.type=basic", "--set", "rat=1"], 2, "--set rat: unknown key"),
        # URLs that nothing may be sent to
        (["http://app.example.com/v2", *TOKEN], 2, "URL: must begin with https://"),
        (["https://me:secret@app.example.com/v2", *TOKEN], 2, "must not contain a user"),
        # servers that cannot be probed
        (["http://127.0.0.1:9/v2", *TOKEN], 1, "[SYNC-0401]"),
        (["URL", "--token", "literal:wrong"], 1, "[SYNC-0402]"),
        (["URL"], 1, "--token env:NAME sends a bearer token"),
        (["URL/nothing", *TOKEN], 1, "[SYNC-0403]"),
        # no sync.toml
        (["wiki"], 2, "[SYNC-0102]"),
    ],
)
def test_messages(
    arguments: list[str],
    code: int,
    message: str,
    office: Office,
    state: Path,
    server: DefectiveProvider,
) -> None:
    ran = office.run("probe", *(one.replace("URL", server.url) for one in arguments))

    assert ran.code == code
    assert message in ran.err
    assert "sesame-open" not in ran.err
    assert server.stored == {"Users": {}, "Groups": {}}


def test_other_authentication_by_set(
    office: Office, state: Path, server: DefectiveProvider
) -> None:
    settings = [
        ("auth.type", "header"),
        ("auth.name", "Authorization"),
        ("auth.value", "env:APP_TOKEN"),
        ("auth.prefix", '"Bearer "'),
        ("timeout", "5"),
    ]
    options = [word for name, value in settings for word in ("--set", f"{name}={value}")]

    ran = office.run("probe", server.url, *options, "--as", "okta-put")

    assert ran.code == 0, ran.err


def test_without_a_folder_for_the_ledger_nothing_is_created(
    office: Office, state: Path, server: DefectiveProvider
) -> None:
    state.parent.mkdir()
    state.write_text("a file where the folder should be")

    ran = office.run("probe", server.url, *TOKEN)

    assert ran.code == 1
    assert "[SYNC-0962]" in ran.err
    assert {one.method for one in server.seen} == {"GET"}


@pytest.mark.parametrize(
    ("status", "headers", "body", "message"),
    [
        (404, {}, {"detail": "x"}, "status 404: the server knows no /Users at this URL"),
        (404, {}, None, "status 404: the server knows no /Users at this URL"),
        (302, {"Location": "/login"}, None, "status 302: the server redirects the request"),
        (429, {}, {"detail": "x"}, "status 429: the server limits requests"),
        (200, {}, [], "status 200: the body is no JSON object"),
    ],
)
def test_what_is_no_service_is_said(
    office: Office,
    faulty: FaultyServer,
    status: int,
    headers: dict[str, str],
    body: object,
    message: str,
) -> None:
    faulty.fail("GET", status=status, headers=headers, body=body, times=9)

    token = ("--token", f"literal:{faulty.token}")
    ran = office.run("probe", faulty.url, *token, "--as", "okta")

    assert ran.code == 1
    assert message in ran.err
