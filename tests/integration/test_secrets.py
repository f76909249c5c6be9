"""Secrets: where they come from, and that no message gives one away."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest
from pydantic import SecretStr

from scimsync.builtin import parse
from scimsync.config.secrets import SecretReader, resolve
from scimsync.errors import ConfigError
from tests.error_text import text_of

WHERE = "sync.toml: targets.wiki.auth.token"
PYTHON = sys.executable


def secret(reference: str, base_dir: Path) -> str:
    return resolve(SecretStr(reference), base_dir, WHERE)


def refusal(reference: str, base_dir: Path, exit_code: int = 2) -> str:
    with pytest.raises(ConfigError) as caught:
        secret(reference, base_dir)
    assert caught.value.exit_code == exit_code
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    printed = text_of(caught.value)
    assert printed.startswith(f"{WHERE}: ")
    assert "s3cr3t" not in printed
    return printed.removeprefix(f"{WHERE}: ")


# env:


def test_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIKI_TOKEN", "s3cr3t")
    assert secret("env:WIKI_TOKEN", tmp_path) == "s3cr3t"


def test_a_variable_that_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WIKI_TOKEN", raising=False)
    assert (
        refusal("env:WIKI_TOKEN", tmp_path) == "the environment variable WIKI_TOKEN is not set\n"
        "  export WIKI_TOKEN=…  (cron and systemd do not read your shell's profile)"
    )


def test_a_variable_that_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIKI_TOKEN", "")
    assert refusal("env:WIKI_TOKEN", tmp_path) == "the environment variable WIKI_TOKEN is empty"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("s3cr3t\n", "the value from env: contains a line break\n  a token is one line"),
        ("s3c\rr3t", "the value from env: contains a line break\n  a token is one line"),
        ("s3cr3t\x07", "the value from env: contains a control character\n  copy the token again"),
        (
            "s3cr3t\u2026",
            "the value from env: contains a character that is not ASCII\n  copy the token again",
        ),
        (" s3cr3t", "the value from env: begins or ends with a space\n  copy the token again"),
        ("   ", "the value from env: is empty"),
        (
            "Bearer s3cr3t",
            'the value from env: begins with the word "Bearer"\n  omit the word: scimsync adds it',
        ),
    ],
)
def test_what_a_header_cannot_carry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, message: str
) -> None:
    monkeypatch.setenv("WIKI_TOKEN", value)
    assert refusal("env:WIKI_TOKEN", tmp_path) == message


# file:


@pytest.mark.parametrize("content", [b"s3cr3t", b"s3cr3t\n", b"s3cr3t\r\n"])
def test_from_a_file_beside_sync_toml_without_its_line_end(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    assert secret("file:token", tmp_path) == "s3cr3t"
    assert secret(f"file:{tmp_path}/token", Path("/")) == "s3cr3t"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "{path} is empty"),
        (b" \n", "{path} is empty"),
        (b"s3cr3t\n\n", "the value from file: contains a line break\n  a token is one line"),
        (b"s3cr3t\nmore\n", "the value from file: contains a line break\n  a token is one line"),
        (b"s3cr3t\xff", "{path} is not a text file"),
        (b"s3cr3t" * 20_000, "{path} is longer than 64 KiB, so it is not a token"),
    ],
)
def test_a_file_that_holds_no_token(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    assert refusal("file:token", tmp_path) == message.format(path=path)


def test_a_file_that_is_not_there_or_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert refusal("file:token", tmp_path) == f"no such file: {tmp_path}/token"
    assert refusal("file:folder", tmp_path) == f"{tmp_path}/folder is a folder, not a file"
    assert refusal("file:a\0b", tmp_path).endswith("cannot be read: its name is not valid")


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert refusal("file:token", tmp_path) == f"{tmp_path}/token may not be read by this user"


# keyring:


class FakeKeyringError(Exception):
    """Stands for keyring.errors.KeyringError."""


def install_keyring(
    monkeypatch: pytest.MonkeyPatch, entries: dict[tuple[str, str], str] | None
) -> None:
    """Puts a keyring with `entries` in place of the real one; None is a keyring that is locked."""

    def get_password(service: str, user: str) -> str | None:
        if entries is None:
            raise FakeKeyringError("s3cr3t details")
        return entries.get((service, user))

    module, errors = types.ModuleType("keyring"), types.ModuleType("keyring.errors")
    vars(module).update(get_password=get_password, errors=errors)
    vars(errors).update(KeyringError=FakeKeyringError)
    monkeypatch.setitem(sys.modules, "keyring", module)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)


def test_from_the_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_keyring(monkeypatch, {("https://wiki.example.com", "ann"): "s3cr3t"})
    assert secret("keyring:https://wiki.example.com/ann", tmp_path) == "s3cr3t"


def test_a_keyring_without_the_entry_or_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_keyring(monkeypatch, {})
    assert (
        refusal("keyring:wiki/ann", tmp_path)
        == "the keyring has no entry for user ann of service wiki\n  keyring set wiki ann"
    )
    install_keyring(monkeypatch, None)
    assert (
        refusal("keyring:wiki/ann", tmp_path) == "the keyring cannot be used: FakeKeyringError\n"
        "  a keyring must be unlocked for the user that runs scimsync; env: and file: need none"
    )


def test_a_keyring_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert (
        refusal("keyring:wiki/ann", tmp_path)
        == "the keyring needs a package that is not installed\n  pip install 'scimsync[keyring]'"
    )


# cmd:


def script(tmp_path: Path, code: str) -> str:
    (tmp_path / "give.py").write_text(code)
    return f"cmd:{PYTHON} give.py"


def test_from_the_first_line_of_a_command(tmp_path: Path) -> None:
    assert secret(script(tmp_path, "print('s3cr3t'); print('more')"), tmp_path) == "s3cr3t"


def test_a_command_is_split_like_a_shell_does_but_no_shell_runs(tmp_path: Path) -> None:
    code = "import sys; print('/'.join(sys.argv[1:]))"
    assert secret(f"{script(tmp_path, code)} 'one two' '$HOME;id'", tmp_path) == "one two/$HOME;id"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("", "the command {python} wrote nothing"),
        ("print()", "the command {python} wrote nothing"),
        ("raise SystemExit(3)", "the command {python} ended with exit code 3"),
        (
            "raise SystemExit('not logged in\\nsecond line')",
            "the command {python} ended with exit code 1\n  stderr: not logged in",
        ),
        # a command that prints what it found and then fails, repeating it
        (
            "import sys; print('s3cr3t'); sys.exit('cannot use s3cr3t here')",
            "the command {python} ended with exit code 1\n  stderr: cannot use … here",
        ),
        (
            "import sys; sys.exit('\\x1b[31mred\\x1b[0m' + 'x' * 500)",
            "the command {python} ended with exit code 1\n  stderr: "
            + r"\x1b[31mred\x1b[0m".ljust(199, "x")
            + "…",
        ),
    ],
)
def test_a_command_that_gives_no_token(tmp_path: Path, code: str, message: str) -> None:
    # it may pass by itself: a vault that is locked, a network that is down
    found = refusal(script(tmp_path, code), tmp_path, exit_code=1)
    assert found == message.format(python=PYTHON)


def test_a_command_that_writes_no_text(tmp_path: Path) -> None:
    code = r"import sys; sys.stdout.buffer.write(b'\xff')"
    assert (
        refusal(script(tmp_path, code), tmp_path) == f"what the command {PYTHON} wrote is not text"
    )


@pytest.mark.parametrize(
    "code",
    [
        "print('s3cr3t' * 20_000)",
        "print('s3cr3t'); print('x' * 70_000)",
        # one that never ends is ended at once, and its memory is not ours
        "while True: print('s3cr3t' * 1000)",
        "import sys\nwhile True: sys.stdout.write('s3cr3t')",
    ],
)
def test_a_command_that_writes_more_than_a_token(tmp_path: Path, code: str) -> None:
    assert refusal(script(tmp_path, code), tmp_path) == (
        f"the command {PYTHON} wrote more than 64 KiB, so its output is not a token\n"
        "  the command must print the token in its first line, and little else"
    )


def test_a_command_may_complain_at_length(tmp_path: Path) -> None:
    code = "import sys; sys.stderr.write('warning\\n' * 500_000); print('s3cr3t')"
    assert secret(script(tmp_path, code), tmp_path) == "s3cr3t"


def test_a_command_that_does_not_exist(tmp_path: Path) -> None:
    assert (
        refusal("cmd:no-such-command s3cr3t", tmp_path)
        == "no such command: no-such-command\n  no shell is used; write the full path"
    )


def test_a_file_that_is_no_command(tmp_path: Path) -> None:
    assert (
        refusal(f"cmd:{tmp_path}", tmp_path)
        == f"the command {tmp_path} cannot be run: Permission denied"
    )


def test_a_command_that_hangs_is_ended(tmp_path: Path) -> None:
    reference = SecretStr(
        script(tmp_path, "import time; print('s3cr3t', flush=True); time.sleep(60)")
    )
    with pytest.raises(ConfigError) as caught:
        resolve(reference, tmp_path, WHERE, cmd_timeout_s=0.5)
    assert text_of(caught.value) == f"{WHERE}: the command {PYTHON} did not end within 0.5 seconds"
    assert caught.value.exit_code == 1


def test_a_command_whose_child_keeps_its_output_open_is_not_waited_for(tmp_path: Path) -> None:
    code = "import subprocess as s; s.Popen(['sleep', '5']); print('s3cr3t')"
    with pytest.raises(ConfigError, match="did not end"):
        resolve(SecretStr(script(tmp_path, code)), tmp_path, WHERE, cmd_timeout_s=1)


def test_a_command_reads_nothing_from_the_terminal(tmp_path: Path) -> None:
    assert secret(script(tmp_path, "import sys; print(len(sys.stdin.read()))"), tmp_path) == "0"


# literal:


def test_a_literal_token(tmp_path: Path) -> None:
    assert secret("literal:abc:def", tmp_path) == "abc:def"


# Replaced secrets


def test_a_replaced_secret_that_can_be_stored_nowhere_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("REFRESH", "s3cr3t")
    (tmp_path / "file").touch()
    text = """
[state]
url = "sqlite:///file/scimsync.db"
[sources.hr]
type = "file"
path = "hr.csv"
key = "id"
[targets.wiki]
url = "https://wiki.example.com/scim/v2"
[targets.wiki.auth]
type = "oauth2"
token_url = "https://login.example.com/token"
client_id = "sync"
refresh_token = "env:REFRESH"
[targets.wiki.user]
userName = "email"
"""
    config = parse(text, tmp_path / "sync.toml")
    secrets = SecretReader(config, config.targets["wiki"].auth, "targets", "wiki", "auth")
    assert secrets.latest("refresh_token") == "s3cr3t"

    secrets.replace("refresh_token", "n3w")

    assert caplog.messages == [
        "sync.toml: targets.wiki.auth.refresh_token: the server replaced this secret, and the new"
        " one cannot be stored, neither in its place nor in the state (ReadOnlyStateError); the"
        " next run may be refused [SYNC-0157]"
    ]
