"""`scimsync demo` as users start it: the real program with a real server."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest

from scimsync.cli.commands.demo.demo_server import running_server

DEMO = [sys.executable, "-m", "scimsync", "demo"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Put temporary files into a folder of the test, and name an unrelated sync.toml."""
    (tmp_path / "tmp").mkdir()
    return {
        **os.environ,
        "TMPDIR": str(tmp_path / "tmp"),
        "SCIMSYNC_CONFIG": "elsewhere.toml",
        "COLUMNS": "100",
    }


def test_the_demo_pushes_on_two_days_and_leaves_its_folder(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    done = subprocess.run(DEMO, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    said = done.stdout
    assert re.findall(r"^\$ (.*)", said, re.MULTILINE) == [
        "scimsync plan | tail -n 1",
        "scimsync plan --key E0040",
        "scimsync push",
        "scimsync push",
        "scimsync plan",
        "scimsync push",
        "scimsync journal --failed",
        "scimsync explain E0040",
    ]
    assert "Plan for wiki: 203 create" in said
    assert "wiki: no changes (0 requests" in said
    assert "Plan for wiki: 1 create, 3 update, 2 deactivate" in said
    assert "hr line 58 E0057: has 4 fields where the header has 10; the row is left out" in said
    assert "wiki: 1 create, 3 update, 2 deactivate, 1 failed (" in said
    assert "userName is required" in said.partition("$ scimsync journal --failed")[2]

    [folder] = (tmp_path / "tmp").iterdir()  # nothing else is left behind
    assert folder.name.startswith("scimsync-demo-")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "token").stat().st_mode & 0o777 == 0o600
    assert not _serves(folder)

    del environment["SCIMSYNC_CONFIG"]
    offered = said.partition(f"cd {folder}\n")[2].split("\n")[:3]
    assert len(offered) == 3
    for line in offered:
        program, *arguments = line.split()
        assert program == "scimsync"
        tried = subprocess.run(
            [sys.executable, "-m", "scimsync", *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert tried.returncode == (4 if "plan" in arguments else 0), tried.stderr
        assert tried.stdout


def test_the_demo_needs_an_empty_folder(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("Dear")
    refused = subprocess.run(
        [*DEMO, "--dir", str(tmp_path / "mine")], env=environment, capture_output=True, text=True
    )
    assert refused.returncode == 2
    assert "the folder is not empty" in refused.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_an_interrupt_stops_the_server_too(tmp_path: Path, environment: dict[str, str]) -> None:
    folder = tmp_path / "mine"
    process = subprocess.Popen(
        [*DEMO, "--dir", str(folder)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # as on a terminal, where an interrupt goes to all processes of a command
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("$ scimsync push"):
            break
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in said
    assert not _serves(folder)


def test_a_killed_demo_leaves_no_server(tmp_path: Path, environment: dict[str, str]) -> None:
    folder = tmp_path / "mine"
    process = subprocess.Popen(
        [*DEMO, "--dir", str(folder)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(b"$ scimsync plan"):
            break
    assert _serves(folder)
    process.kill()
    process.stdout.read()  # until the last process that writes there has ended
    process.communicate()
    assert _ends(folder)


def test_a_token_may_look_like_an_option() -> None:
    with running_server("-t0ken") as url:
        request = urllib.request.Request(f"{url}/Users", headers={"Authorization": "Bearer -t0ken"})
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200


def test_without_the_extra_the_error_says_what_to_install(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    code = (
        "import sys; sys.modules['scim2_server'] = None; from scimsync.cli import main; sys.argv ="
        " ['scimsync', 'demo']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "pip install 'scimsync[demo]'" in done.stderr
    assert list((tmp_path / "tmp").iterdir()) == []


def _url(folder: Path) -> str:
    url: str = tomllib.loads((folder / "sync.toml").read_text("utf-8"))["targets"]["wiki"]["url"]
    return url


def _serves(folder: Path) -> bool:
    """Return whether a server listens at the target of `folder`."""
    try:
        urllib.request.urlopen(f"{_url(folder)}/ServiceProviderConfig").close()
    except HTTPError as error:
        error.close()  # an answer of whatever status is one
    except URLError as error:
        return not isinstance(error.reason, ConnectionError)
    return True


def _ends(folder: Path) -> bool:
    """Wait until the server has stopped; try a few thousand times."""
    return any(not _serves(folder) for _ in range(2000))
