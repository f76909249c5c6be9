"""`scimsync audit` tells the whole story of a leaver, and a signed report proves itself."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fsync import skip_fsync
from tests.office import MONDAY, SOURCE, USER, Office, people
from tests.servers.faulty import FaultyServer, running_faulty_server

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TARGETS = ("wiki", "chat", "crm")
NO_GUARD = 'max_removals = 1000\nmin_records = "0%"\n'
LEFT = MONDAY + 7 * DAY
"""When HR saved the file without the leaver, an hour before the push."""


def configure(office: Office, servers: dict[str, FaultyServer], more: str = "") -> None:
    tables = "".join(
        f"""
[targets.{name}]
url = "{server.url}"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
[targets.{name}.user]
{USER}
"""
        for name, server in servers.items()
    )
    office.write("sync.toml", f"{SOURCE}\n[guard]\n{NO_GUARD}\n{more}\n{tables}")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """00003 leaves; crm is down for two days. 00002 leaves on the third day, and all is well."""
    folder = tmp_path_factory.mktemp("story")
    with ExitStack() as running:
        running.enter_context(skip_fsync())
        servers = {name: running.enter_context(running_faulty_server()) for name in TARGETS}
        office = Office(folder, servers["wiki"].url, servers["wiki"].token)
        configure(office, servers, '[audit]\nsla = "24h"')
        office.hire(people(3))
        office.push()

        office.now = LEFT + HOUR
        hire_at(office, 2, LEFT)
        servers["crm"].fail(status=503, times=100_000)
        assert office.push().exit_code in (1, 4)
        for _ in range(3):
            office.push(later=12 * HOUR)
        servers["crm"].faults.clear()
        assert office.push(later=12 * HOUR).exit_code == 0
        office.now += HOUR
        hire_at(office, 1, office.now - HOUR)
        assert office.push().exit_code == 0
        office.now += HOUR
        yield office


def hire_at(office: Office, number: int, at: datetime) -> None:
    office.hire(people(number))
    os.utime(office.folder / "hr.csv", (at.timestamp(), at.timestamp()))


def audited(office: Office, *arguments: str) -> Any:
    ran = office.run("audit", *arguments, "--json")
    assert ran.code == 0, ran.err
    return ran.document


def moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def test_the_report_tells_when_each_target_revoked_the_access(story: Office) -> None:
    report = audited(story, "00003")

    assert [one["key"] for one in report["people"]] == ["00003"]
    targets = report["people"][0]["targets"]
    leaves = {name: targets[name]["leave"] for name in TARGETS}
    for leave in leaves.values():
        assert leave["outcome"] == "revoked"
        assert leave["cause"] == "file"
        assert moment(leave["said_at"]) == moment(leave["source_modified_at"]) == LEFT
        assert moment(leave["source_read_at"]) == LEFT + HOUR
        assert moment(leave["planned_at"]) == LEFT + HOUR
        assert leave["confirmed_by"] in ("read", "response")
    assert {name: moment(leave["revoked_at"]) for name, leave in leaves.items()} == {
        "wiki": LEFT + HOUR,
        "chat": LEFT + HOUR,
        "crm": LEFT + 2 * DAY + HOUR,
    }
    assert {name: (leave["seconds"], leave["late"]) for name, leave in leaves.items()} == {
        "wiki": (3600, False),
        "chat": (3600, False),
        "crm": (2 * 86_400 + 3600, True),
    }
    assert report["worst"] == {"key": "00003", "target": "crm", "seconds": 2 * 86_400 + 3600}
    assert report["late"] == ["00003"]
    assert report["controls"] == ["SOC 2 CC6.2", "SOC 2 CC6.3", "ISO/IEC 27001:2022 A.5.18"]


def test_the_report_has_each_attempt_with_its_run_and_who_started_it(story: Office) -> None:
    report = audited(story, "00003", "-t", "crm")

    account = report["people"][0]["targets"]["crm"]
    attempts = [one for one in account["operations"] if one["action"] == "deactivate"]
    assert attempts[0]["status"] != "applied"
    assert moment(attempts[0]["sent_at"]) == LEFT + HOUR
    assert [one["status"] for one in attempts].count("applied") == 1
    assert attempts[-1]["status"] == "applied"
    assert moment(attempts[-1]["done_at"]) == moment(attempts[-1]["confirmed_at"])
    origin = attempts[0]["origin"]
    assert origin["user"]
    assert origin["host"]
    assert len(origin["config_digest"]) == 64
    assert attempts[0]["command"] == "push"


def test_a_period_selects_those_who_left_in_it(story: Office) -> None:
    def keys(*arguments: str) -> list[str]:
        return [one["key"] for one in audited(story, *arguments)["people"]]

    third = (LEFT + 2 * DAY + 90 * timedelta(minutes=1)).isoformat()
    assert keys("--since", MONDAY.isoformat()) == ["00002", "00003"]
    assert keys("--since", third) == ["00002"]
    assert keys("--since", MONDAY.isoformat(), "--until", (LEFT + 2 * HOUR).isoformat()) == [
        "00003"
    ]
    assert keys("--since", MONDAY.isoformat(), "--until", LEFT.isoformat()) == []
    assert audited(story, "--since", third)["outcomes"] == {"revoked": 1}


def test_the_text_names_what_is_late(story: Office) -> None:
    text = story.run("audit", "--since", MONDAY.isoformat()).out

    assert "limit     1 d from the source to the end of access; 1 user over" in text
    assert "longest   2 d 1 h: 00003 at crm" in text
    assert "crm: access revoked 2 d 1 h after the file was modified, over the limit" in text
    assert "a read after the request showed it" in text


def test_csv_has_a_row_for_each_leaver_and_target(story: Office) -> None:
    ran = story.run("audit", "--since", MONDAY.isoformat(), "--format", "csv")

    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert [(row["key"], row["target"], row["outcome"], row["late"]) for row in rows] == [
        ("00002", "wiki", "revoked", "false"),
        ("00002", "chat", "revoked", "false"),
        ("00002", "crm", "revoked", "false"),
        ("00003", "wiki", "revoked", "false"),
        ("00003", "chat", "revoked", "false"),
        ("00003", "crm", "revoked", "true"),
    ]
    assert all(row["user"] and row["config_digest"] for row in rows)


def test_before_the_first_push_nothing_is_recorded(office: Office) -> None:
    office.hire(people(1))
    assert office.run("plan").code == 0

    ran = office.run("audit", "00001")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        'no record of the key "00001": nothing was pushed yet, so the journal is empty'
        " [SYNC-0350]\n"
        "  run scimsync explain 00001 to see what the first push would do\n"
    )
    period = office.run("audit", "--since", "3d")
    assert period.code == 0
    assert "journal   has no runs: nothing was pushed yet\n" in period.out
    assert "no user left in this period" in period.out
    page = office.run("audit", "--since", "3d", "--format", "html").out
    assert "<li>the journal has no runs: nothing was pushed yet</li>" in page

    office.push()
    assert "unknown key" in office.run("audit", "00002").err


def test_an_open_leaver_is_open_and_late(office: Office, faulty: FaultyServer) -> None:
    configure(office, {"wiki": faulty}, '[audit]\nsla = "24h"')
    office.hire(people(3))
    office.push()
    office.now = LEFT + HOUR
    hire_at(office, 2, LEFT)
    faulty.fail("PATCH", status=500, times=100_000)
    faulty.fail("PUT", status=500, times=100_000)
    office.push()
    office.now += 2 * DAY

    report = audited(office, "--since", "3d")

    account = report["people"][0]["targets"]["wiki"]
    assert report["outcomes"] == {"open": 1}
    assert account["leave"]["outcome"] == "open"
    assert account["leave"]["revoked_at"] is None
    assert account["leave"]["seconds"] == 2 * 86_400 + 3600
    assert account["leave"]["late"] is True
    assert "500" in account["last_error"]
    assert "may still have access" in office.run("audit", "00003").out


def test_what_a_guard_stopped_is_in_the_report_and_counts(
    office: Office, faulty: FaultyServer
) -> None:
    configure(office, {"wiki": faulty})
    office.hire(people(3))
    office.push()
    office.write("sync.toml", (office.folder / "sync.toml").read_text().replace("1000", "0"))
    office.now = LEFT + HOUR
    hire_at(office, 2, LEFT)
    assert office.push().exit_code == 3
    assert audited(office, "00003")["people"][0]["targets"]["wiki"]["leave"]["outcome"] == (
        "not_removed"
    )
    assert office.push(later=DAY, removals=1).exit_code == 0

    leave = audited(office, "00003")["people"][0]["targets"]["wiki"]["leave"]
    assert moment(leave["said_at"]) == LEFT
    assert leave["seconds"] == 86_400 + 3600
    assert "guard.max_removals" in office.run("audit", "00003").out


def test_runs_of_earlier_versions_are_not_recorded(office: Office, faulty: FaultyServer) -> None:
    configure(office, {"wiki": faulty})
    office.hire(people(3))
    office.push()
    office.hire([*people(2), people(3)[2] | {"dept": "Law"}])
    office.write(
        "sync.toml",
        (office.folder / "sync.toml")
        .read_text()
        .replace("[targets.wiki.user]", "scope = \"dept != 'Law'\"\n[targets.wiki.user]"),
    )
    office.push(later=DAY)
    office.sql("update run set user = null, host = null")
    office.sql("update operation set source_read_at = null, confirmed_by = null")

    leave = audited(office, "00003")["people"][0]["targets"]["wiki"]["leave"]
    assert (leave["cause"], leave["said_at"], leave["seconds"], leave["confirmed_by"]) == (
        None,
        None,
        None,
        None,
    )
    text = office.run("audit", "00003").out
    assert "user, host, options, version and sync.toml not recorded" in text
    assert "not recorded         source     when the source changed" in text


def test_someone_deprovisioned_by_hand_counts_from_the_command(
    office: Office, faulty: FaultyServer
) -> None:
    configure(office, {"wiki": faulty})
    office.hire(people(3))
    office.push()
    office.now += DAY
    assert office.run("deprovision", "00003", "--yes").code == 0

    leave = audited(office, "00003")["people"][0]["targets"]["wiki"]["leave"]
    assert (leave["cause"], moment(leave["said_at"]), leave["seconds"]) == ("hand", office.now, 0)


def test_names_are_shown_beside_keys(office: Office, faulty: FaultyServer) -> None:
    configure(office, {"wiki": faulty}, "[display]\nname = \"given ~ ' ' ~ family\"")
    office.hire(people(3))
    office.push()
    office.hire(people(2))
    office.push(later=DAY)

    assert "00003 (Given3 Family3): access revoked" in office.run("audit", "00003").out
    assert audited(office, "00003")["people"][0]["name"] == "Given3 Family3"
    for form in ("csv", "html"):
        assert "Given3 Family3" in office.run("audit", "00003", "--format", form).out


def test_html_escapes_what_comes_from_sources_and_targets(
    office: Office, faulty: FaultyServer
) -> None:
    evil = '<script>alert("x")</script>'
    configure(office, {"wiki": faulty})
    rows = people(3)
    rows[2]["id"] = evil
    office.hire(rows)
    office.push()
    office.hire(rows[:2])
    faulty.fail("PATCH", status=400, times=100, body={"detail": "<img src=x onerror=alert(1)>"})
    faulty.fail("PUT", status=400, times=100, body={"detail": "<img src=x onerror=alert(1)>"})
    office.push(later=DAY)

    ran = office.run("audit", "--since", "1w", "--format", "html")

    assert ran.code == 0, ran.err
    assert "<script" not in ran.out
    assert "<img" not in ran.out
    assert "&lt;script&gt;" in ran.out
    assert "may still have access" in ran.out


# Signatures


@pytest.fixture
def signed(office: Office, faulty: FaultyServer) -> Path:
    """A report whose signature is beside it."""
    pytest.importorskip("cryptography")
    write_keys(office.folder)
    configure(
        office,
        {"wiki": faulty},
        '[audit]\nkey = "file:audit-key.pem"\npublic_key = "audit-key.pub.pem"',
    )
    office.hire(people(2))
    office.push()
    office.hire(people(1))
    office.push(later=DAY)
    ran = office.run("audit", "00002", "--format", "html", "--out", "report.html")
    assert ran.code == 0, ran.err
    return office.folder / "report.html"


def write_keys(folder: Path, name: str = "audit-key") -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / f"{name}.pem").write_bytes(pem)
    (folder / f"{name}.pub.pem").write_bytes(public)


def test_a_signed_report_verifies(office: Office, signed: Path) -> None:
    signature = signed.with_name("report.html.sig")
    for file in (signed, signature):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    ran = office.run("audit", "--verify", "report.html")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("report.html: valid, signed 2026-03-03T08:00:00Z with key ")
    assert office.run("audit", "--verify", "report.html", "--json").document["valid"] is True


def test_an_auditor_needs_the_public_key_only(office: Office, signed: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "auditor"
    elsewhere.mkdir()
    for name in ("report.html", "report.html.sig", "audit-key.pub.pem"):
        (elsewhere / name).write_bytes((office.folder / name).read_bytes())
    auditor = Office(elsewhere, office.url, office.token)
    ran = auditor.run("audit", "--verify", "report.html", "--public-key", "audit-key.pub.pem")
    assert ran.code == 0, ran.err


@pytest.mark.parametrize("name", ["report.html", "report.html.sig"])
def test_each_changed_byte_is_found(office: Office, signed: Path, name: str) -> None:
    file = signed.with_name(name)
    original = file.read_bytes()
    step = max(1, len(original) // 40)
    for place in range(0, len(original), step):
        file.write_bytes(original[:place] + bytes([original[place] ^ 1]) + original[place + 1 :])
        ran = office.run("audit", "--verify", "report.html")
        assert ran.code == 1, (place, ran.out, ran.err)
        assert "SYNC-0938" in ran.err
    file.write_bytes(original[:-1])
    assert office.run("audit", "--verify", "report.html").code == 1


def test_another_key_does_not_verify(office: Office, signed: Path) -> None:
    write_keys(office.folder, "other")
    ran = office.run("audit", "--verify", "report.html", "--public-key", "other.pub.pem")
    assert ran.code == 1
    assert "it was signed with another key" in ran.err


def test_openssl_verifies_the_signature(signed: Path) -> None:
    """What docs/how-to/prove-offboarding.md tells an auditor to do without scimsync."""
    import shutil
    import subprocess

    if shutil.which("openssl") is None:
        pytest.skip("no openssl")
    script = """
set -e
sed '$d' report.html.sig > statement
sed -n 's/^signature: //p' report.html.sig | base64 -d > signature
openssl pkeyutl -verify -pubin -inkey audit-key.pub.pem -rawin -in statement -sigfile signature
echo "$(sed -n 's/^sha256: //p' statement)  report.html" | sha256sum -c -
"""
    done = subprocess.run(["sh", "-c", script], cwd=signed.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "report.html: OK" in done.stdout


def test_check_reads_the_keys(office: Office, signed: Path) -> None:
    (office.folder / "audit-key.pem").chmod(0o644)
    ran = office.run("check")
    assert ran.code == 0, ran.out
    assert "reports are signed; key " in ran.out
    assert "audit-key.pem contains audit.key and is readable by other users" in ran.out

    write_keys(office.folder, "other")
    (office.folder / "other.pub.pem").replace(office.folder / "audit-key.pub.pem")
    ran = office.run("check")
    assert ran.code == 2
    assert "audit.public_key is not the public key of audit.key" in ran.out


@pytest.mark.parametrize("problem", ["another", "missing"])
def test_nothing_is_signed_that_the_public_key_would_not_verify(
    office: Office, signed: Path, problem: str
) -> None:
    public = office.folder / "audit-key.pub.pem"
    if problem == "another":
        write_keys(office.folder, "other")
        (office.folder / "other.pub.pem").replace(public)
    else:
        public.unlink()

    ran = office.run("audit", "00002", "--out", "new.html")

    assert ran.code == 2
    assert "audit.public_key" in ran.err
    assert not (office.folder / "new.html").exists()


def test_a_renamed_report_verifies_and_says_its_first_name(office: Office, signed: Path) -> None:
    signed.rename(office.folder / "q4.html")
    signed.with_name("report.html.sig").rename(office.folder / "q4.html.sig")

    ran = office.run("audit", "--verify", "q4.html")

    assert ran.code == 0
    assert ran.out.endswith("; signed under the name report.html\n")
    document = office.run("audit", "--verify", "q4.html", "--json").document
    assert document["signed_as"] == "report.html"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name one KEY, or a period with --since"),
        (["00001", "--since", "1d"], "name one KEY, or a period with --since"),
        (["00001", "--until", "1d"], "--until can only be used with --since"),
        (["--since", "yesterday"], "write 2026-11-24"),
        (["00001", "--public-key", "x"], "--public-key can only be used with --verify"),
        (["--verify", "x", "--since", "1d"], "--since cannot be used with --verify"),
        (["nobody"], 'unknown key "nobody"'),
        (["00001", "-t", "crm"], "no target 'crm'"),
        (["--verify", "hr.csv"], "audit.public_key is missing"),
        (["--verify", "hr.csv", "--public-key", "hr.csv"], "contains no public key"),
        (["00001", "--out", "sync.toml", "--format", "text"], "was not changed"),
    ],
)
def test_wrong_usage_is_named(office: Office, arguments: list[str], message: str) -> None:
    office.hire(people(1))
    office.push()
    ran = office.run("audit", *arguments)
    assert ran.code == 2
    assert message in ran.err


@pytest.mark.parametrize("content", ["", "no key", "-----BEGIN PRIVATE KEY-----\n"])
def test_an_unusable_key_is_named_before_anything_is_written(
    office: Office, faulty: FaultyServer, content: str
) -> None:
    configure(office, {"wiki": faulty}, '[audit]\nkey = "file:audit-key.pem"')
    office.write("audit-key.pem", content)
    office.hire(people(1))
    office.push()
    ran = office.run("audit", "00001", "--out", "report.txt")
    assert ran.code == 2
    assert "audit.key" in ran.err
    assert not (office.folder / "report.txt").exists()


def test_json_is_a_document(story: Office) -> None:
    text = story.run("audit", "00002", "--format", "json").out
    assert json.loads(text)["people"][0]["outcome"] == "revoked"
