"""The program around its commands: start, imports, errors, exit codes, completion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.office import Office, people

COMMANDS = ["init", "check", "status", "explain", "journal", "runs", "retry", "schema", "help"]


def scimsync(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "scimsync", *arguments],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
    )


def completed(folder: Path, *words: str) -> list[str]:
    """Return what bash completes after `words`."""
    ran = scimsync(
        folder,
        _SCIMSYNC_COMPLETE="bash_complete",
        COMP_WORDS=" ".join(["scimsync", *words]),
        COMP_CWORD=str(len(words)),
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return [word for line in ran.stdout.splitlines() if (word := line.partition(",")[2])]


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_loads_click_and_little_else(argument: str) -> None:
    code = f"""
import sys
sys.argv = ["scimsync", "{argument}"]
from scimsync.cli import main
try:
    main()
except SystemExit as end:
    assert end.code == 0, end
heavy = ["duckdb", "jinja2", "sqlalchemy", "sqlmodel", "pydantic",
"rich", "httpx2", "structlog", "orjson", "asyncio", "alembic"]
print("loaded:", [name for name in heavy if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout.splitlines()[-1] == "loaded: []", ran.stderr


def test_an_unknown_command_suggests_a_known_one(tmp_path: Path) -> None:
    ran = scimsync(tmp_path, "statsu")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert 'unknown command "statsu": did you mean "status"? [SYNC-0901]' in ran.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_fits_into_80_columns(command: str, tmp_path: Path) -> None:
    ran = scimsync(tmp_path, command, "--help", COLUMNS="80")
    assert ran.returncode == 0
    assert max(map(len, ran.stdout.splitlines())) <= 80
    assert ran.stdout.startswith(f"Usage: scimsync {command} ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["journal", "--since", "last week"],
        ["journal", "--limit", "0"],
        ["explain"],
        ["schema", "-k", "E1"],
        ["deprovision", "E1", "-k", "E2"],
        ["-k", "E1", "runs"],
        ["status", "--nonsense"],
        ["status", "-q", "-v"],
        ["help", "--json"],
        ["help", "plan", "--json"],
    ],
)
def test_invalid_usage_exits_with_2(arguments: list[str], tmp_path: Path) -> None:
    ran = scimsync(tmp_path, *arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "Error: " in ran.stderr


def test_the_program_exits_with_the_code_of_the_command(office: Office) -> None:
    office.hire(people(1))
    process = office.start("plan", "--offline", "--exit-code")
    process.communicate()
    assert process.returncode == 6


@pytest.mark.parametrize(
    "command", [["check"], ["status"], ["explain", "E1"], ["journal"], ["runs"], ["retry"]]
)
def test_a_missing_sync_toml_is_a_message_without_a_traceback(
    command: list[str], tmp_path: Path
) -> None:
    ran = scimsync(tmp_path, *command)
    assert ran.returncode == 2
    assert "sync.toml: no such file" in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    ran = scimsync(tmp_path, "status", "--debug")
    assert ran.returncode == 2
    assert "Traceback (most recent call last):" in ran.stderr


def test_with_json_an_error_is_a_document(office: Office) -> None:
    ran = office.run("status", "--json", "-t", "wikki")
    assert ran.code == 2
    assert ran.document == {
        "error": {
            "code": "SYNC-0118",
            "message": "sync.toml: no target 'wikki'",
            "details": ["found: wiki"],
            "hint": 'did you mean "wiki"?',
        },
        "exit_code": 2,
    }


@pytest.mark.parametrize("code", ["SYNC-0118", "sync-0118", "118"])
def test_help_explains_a_code(code: str, tmp_path: Path) -> None:
    ran = scimsync(tmp_path, "help", code)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("SYNC-0118  Unknown target\n\n")
    document = json.loads(scimsync(tmp_path, "help", code, "--json").stdout)
    assert document["title"] == "Unknown target"


def test_help_shows_the_help_of_a_command(tmp_path: Path) -> None:
    assert scimsync(tmp_path, "help").stdout == scimsync(tmp_path, "--help").stdout
    shown = scimsync(tmp_path, "help", "plan").stdout
    assert shown == scimsync(tmp_path, "plan", "--help").stdout
    unknown = scimsync(tmp_path, "help", "SYNC-9999")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr.startswith("unknown message code SYNC-9999 [SYNC-0912]\n")
    assert 'did you mean "plan"?' in scimsync(tmp_path, "help", "pan").stderr


def test_shell_completes_commands_options_and_targets(office: Office) -> None:
    folder = office.folder
    assert completed(folder, "stat") == ["status", "state"]
    assert completed(folder, "journal", "--fa") == ["--failed"]
    assert completed(folder, "push", "-t", "") == ["wiki"]
    assert completed(folder, "-c", "sync.toml", "status", "-t", "w") == ["wiki"]
    assert completed(folder, "-c", "elsewhere.toml", "status", "-t", "w") == []


def test_the_completion_script_is_printed(tmp_path: Path) -> None:
    ran = scimsync(tmp_path, _SCIMSYNC_COMPLETE="bash_source")
    assert ran.returncode == 0
    assert "_scimsync_completion" in ran.stdout


def test_a_closed_pipe_prints_no_error(tmp_path: Path) -> None:
    code = f"{sys.executable} -m scimsync schema | head -c 1"
    ran = subprocess.run(["bash", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("{", "")


def test_the_schema_accepts_a_valid_sync_toml(office: Office) -> None:
    import tomllib

    import jsonschema

    ran = office.run("schema")
    assert (ran.code, ran.err) == (0, "")
    jsonschema.validate(tomllib.loads((office.folder / "sync.toml").read_text()), ran.document)
