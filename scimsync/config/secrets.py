"""Where secrets come from: references such as `env:WIKI_TOKEN` in sync.toml, and the values behind
them.

No message of this module holds a secret, nor what might be one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import SecretStr

from scimsync.config.faults import fault
from scimsync.errors import ConfigError

CMD_TIMEOUT = 30.0
"""Seconds that a `cmd:` may take."""

MAX_BYTES = 64 * 1024
"""Longest secret that is read from a file, in bytes."""

_FORMS = "write env:NAME, file:PATH, keyring:SERVICE/USER, cmd:COMMAND or literal:TOKEN"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def token_reference(value: object) -> SecretStr:
    """`value` of sync.toml as a reference to a token; raises a fault if it does not begin with a
    known word."""
    if isinstance(value, SecretStr):
        return value
    if not isinstance(value, str):
        raise fault("must be a text in quotes", hint=_FORMS)
    scheme, colon, rest = value.partition(":")
    if not colon or scheme not in _SCHEMES:
        raise fault(
            "does not say where the token is found (its value is not shown here)", hint=_FORMS
        )
    if not rest.strip():
        raise fault(f"nothing stands after {scheme}:", hint=_FORMS)
    if scheme == "env" and not _VARIABLE.fullmatch(rest):
        raise fault(
            "what stands after env: is not the name of an environment variable",
            hint='such as "env:WIKI_TOKEN"',
        )
    if scheme == "keyring" and not _service_and_user(rest):
        raise fault("keyring: needs a service and a user", hint='such as "keyring:scimsync/wiki"')
    if scheme == "cmd" and not _words(rest):
        raise fault(
            "what stands after cmd: is not a command, look at its quotes",
            hint='such as "cmd:pass show wiki"',
        )
    return SecretStr(value)


def resolve(reference: SecretStr | str, base_dir: Path, where: str) -> str:
    """The secret behind `reference`.

    `base_dir` is the folder of sync.toml: `file:` starts and `cmd:` runs there. `where` opens
    messages, such as `sync.toml: targets.wiki.auth.token`. Raises ConfigError if there is no secret
    or it cannot stand in a header.
    """
    text = reference.get_secret_value() if isinstance(reference, SecretStr) else reference
    scheme, colon, rest = text.partition(":")
    if not colon or scheme not in _SCHEMES:
        raise ConfigError(f"{where}: does not say where the secret is found", hint=_FORMS)
    secret = _SCHEMES[scheme](rest, base_dir, where)
    _check(secret, where, origin=scheme)
    return secret


def _check(secret: str, where: str, *, origin: str) -> None:
    """Refuses what an HTTP header cannot carry (RFC 9110 section 5.5)."""
    what = f"{where}: the value from {origin}:"
    if not secret.strip():
        raise ConfigError(f"{what} is empty")
    if "\n" in secret or "\r" in secret:
        raise ConfigError(f"{what} holds a line break", hint="a token is one line")
    if not secret.isascii():
        raise ConfigError(
            f"{what} holds a character that is not ASCII", hint="copy the token again"
        )
    if not secret.isprintable():
        raise ConfigError(f"{what} holds a control character", hint="copy the token again")
    if secret != secret.strip():
        raise ConfigError(f"{what} begins or ends with a space", hint="copy the token again")
    if secret.lower().startswith("bearer "):
        raise ConfigError(
            f'{what} begins with the word "Bearer"', hint="leave the word out, scimsync adds it"
        )


def _from_env(name: str, base_dir: Path, where: str) -> str:  # noqa: ARG001
    value = os.environ.get(name)
    if value is None:
        raise ConfigError(
            f"{where}: the environment variable {name} is not set",
            hint=f"export {name}=…  (cron and systemd do not read your shell's profile)",
        )
    if not value:
        raise ConfigError(f"{where}: the environment variable {name} is empty")
    return value


def _from_file(name: str, base_dir: Path, where: str) -> str:
    path = base_dir / name
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{where}: no such file: {path}") from None
    except IsADirectoryError:
        raise ConfigError(f"{where}: {path} is a folder, not a file") from None
    except PermissionError:
        raise ConfigError(f"{where}: {path} may not be read by this user") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{where}: {path} cannot be read: {_reason(error)}") from None
    if len(content) > MAX_BYTES:
        raise ConfigError(
            f"{where}: {path} is longer than {MAX_BYTES // 1024} KiB, it does not hold a token"
        )
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{where}: {path} is not a text file") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text.strip():
        raise ConfigError(f"{where}: {path} is empty")
    return text


def _service_and_user(rest: str) -> tuple[str, str] | None:
    service, slash, user = rest.rpartition("/")
    return (service, user) if slash and service and user else None


def _from_keyring(rest: str, base_dir: Path, where: str) -> str:  # noqa: ARG001
    names = _service_and_user(rest)
    if names is None:
        raise ConfigError(
            f"{where}: keyring: needs a service and a user", hint='such as "keyring:scimsync/wiki"'
        )
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise ConfigError(
            f"{where}: the keyring needs a package that is not installed",
            hint="pip install 'scimsync[keyring]'",
        ) from None
    service, user = names
    try:
        secret = keyring.get_password(service, user)
    except (KeyringError, OSError, RuntimeError) as error:
        raise ConfigError(
            f"{where}: the keyring cannot be used: {type(error).__name__}",
            hint=(
                "a keyring must be unlocked for the user who runs scimsync; env: and file: need"
                " none"
            ),
        ) from None
    if secret is None:
        from shlex import quote

        raise ConfigError(
            f"{where}: the keyring holds nothing for user {user} of service {service}",
            hint=f"keyring set {quote(service)} {quote(user)}",
        )
    return secret


def _words(command: str) -> list[str]:
    """The words of a command as a shell would split them; none if its quotes do not match."""
    from shlex import split

    try:
        return split(command)
    except ValueError:
        return []


def _from_cmd(command: str, base_dir: Path, where: str) -> str:
    words = _words(command)
    if not words:
        raise ConfigError(f"{where}: cmd: names no command, or its quotes do not match")
    import subprocess  # only who uses cmd: pays for it

    program = words[0]
    try:
        done = subprocess.run(
            words,
            cwd=base_dir,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=CMD_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(
            f"{where}: the command {program} did not end within {CMD_TIMEOUT:g} seconds"
        ) from None
    except FileNotFoundError:
        raise ConfigError(
            f"{where}: no such command: {program}", hint="a shell is not used; write the whole path"
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{where}: the command {program} cannot be run: {_reason(error)}"
        ) from None
    if done.returncode != 0:
        complaint = _excerpt(done.stderr, done.stdout)
        raise ConfigError(
            f"{where}: the command {program} ended with exit code {done.returncode}",
            details=[f"it said: {complaint}"] if complaint else [],
        )
    first = done.stdout.splitlines()[:1]
    try:
        secret = b"".join(first).decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{where}: what the command {program} wrote is not text") from None
    if not secret.strip():
        raise ConfigError(f"{where}: the command {program} wrote nothing")
    return secret


def _excerpt(stderr: bytes, stdout: bytes) -> str:
    """The first line of `stderr`, without the words (of 4 letters or more) of `stdout`: one may be
    the secret."""
    line = next(
        (text for text in stderr.decode("utf-8", "replace").splitlines() if text.strip()), ""
    )
    for word in sorted(stdout.decode("utf-8", "replace").split(), key=len, reverse=True):
        line = line.replace(word, "…") if len(word) >= 4 else line
    printable = "".join(char if char.isprintable() else " " for char in line)
    return " ".join(printable.split())[:200]


def _from_literal(rest: str, base_dir: Path, where: str) -> str:  # noqa: ARG001
    return rest


def _reason(error: Exception) -> str:
    return (
        error.strerror or type(error).__name__
        if isinstance(error, OSError)
        else "its name is not valid"
    )


_SCHEMES: Mapping[str, Callable[[str, Path, str], str]] = {
    "env": _from_env,
    "file": _from_file,
    "keyring": _from_keyring,
    "cmd": _from_cmd,
    "literal": _from_literal,
}
