"""Resolve references to secrets, such as `env:WIKI_TOKEN`, to their values.

No message of this module contains a secret or a text that may be one.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from pydantic import SecretStr

from scimsync.atomic_file import write_atomically
from scimsync.config.models import Config
from scimsync.config.replaced_secrets import keep_secret, kept_secret
from scimsync.errors import SecretError, SecretUnavailable
from scimsync.formatting import one_line
from scimsync.settings import Table
from scimsync.settings.secret_reference import TextSecret, command_words, service_and_user

_LOG = logging.getLogger("scimsync")

_NOT_STORED = (
    "%s: the server replaced this secret, and the new one cannot be stored, neither in its place"
    " nor in the state (%s); the next run may be refused [SYNC-0157]"
)

_WRITABLE = ("file", "keyring", "cmd")

CMD_TIMEOUT_S = 30.0

_STORE_VARIABLES = {"SCIMSYNC_SECRET": "store"}
"""What tells a command to store its input in place of the secret that it prints otherwise."""
_LONGEST_STORED = 16 * 1024
"""The longest secret, in bytes, that is given to a command: a pipe holds it at once."""

_MAX_BYTES = 64 * 1024
"""The longest output of a command, and the longest file, that is read for a secret."""


class SecretReader:
    """The secrets of `table`, whose dotted key is `parts`, such as `targets`, `wiki` and `auth`."""

    def __init__(self, config: Config, table: Table, *parts: str) -> None:
        self._config = config
        self._table = table
        self._parts = parts
        self._read: dict[str, str] = {}

    @property
    def read(self) -> Collection[str]:
        """The secrets that were read."""
        return self._read.values()

    def __call__(self, option: str, /) -> str:
        """Return the secret behind an option of the table. Raise SecretError; see `resolve`."""
        where = self._config.where(*self._parts, option)
        secret = resolve(getattr(self._table, option), self._config.base_dir, where)
        self._read[option] = secret
        return secret

    def latest(self, option: str, /) -> str:
        """Return the secret behind an option, or what `replace` stored in its place.

        Raise SecretError, and StateError if it cannot be known whether there is a newer one: a
        server may withdraw all access if a replaced token comes back.
        """
        scheme = self._reference(option).partition(":")[0]
        if option not in self._read or scheme in _WRITABLE:  # another process may have written it
            self(option)
        configured = self._read[option]
        return kept_secret(self._config, self._owner, option, configured) or configured

    def replace(self, option: str, value: str, /) -> None:
        """Store `value` where the reference under `option` points to, or else in the state.

        Only `file:`, `keyring:`, and `cmd:` can be written. Log a warning if `value` cannot be
        stored.
        """
        scheme, _, rest = self._reference(option).partition(":")
        try:
            if scheme in _WRITABLE:
                with suppress(Exception):
                    self._write(scheme, rest, value)
                    if scheme != "cmd" or self._reads(option, value):
                        self._read[option] = value
                        return
            keep_secret(self._config, self._owner, option, self._read[option], value)
        except Exception as error:
            where = self._config.where(*self._parts, option)
            _LOG.warning(_NOT_STORED, where, type(error).__name__)

    @property
    def _owner(self) -> str:
        """The name under which the state keeps secrets: that of a target, or `sources.NAME`."""
        section, name = self._parts[:2]
        return name if section == "targets" else f"{section}.{name}"

    def _write(self, scheme: str, rest: str, value: str) -> None:
        if scheme == "file":
            write_atomically(self._config.base_dir / rest, [f"{value}\n".encode()])
        elif scheme == "cmd":
            _to_cmd(rest, self._config.base_dir, value)
        else:
            _to_keyring(rest, value)

    def _reads(self, option: str, value: str) -> bool:
        """Return whether the secret behind an option is `value`: commands may only print it."""
        where = self._config.where(*self._parts, option)
        return resolve(getattr(self._table, option), self._config.base_dir, where) == value

    def _reference(self, option: str) -> str:
        reference: str = getattr(self._table, option).get_secret_value()
        return reference


def secret_references(table: Table) -> dict[str, str]:
    """Return the references to secrets in `table` (`env:WIKI_TOKEN`), by option."""
    return {
        option: value.get_secret_value() for option, value in table if isinstance(value, SecretStr)
    }


def resolve(
    reference: SecretStr, base_dir: Path, where: str, *, cmd_timeout_s: float = CMD_TIMEOUT_S
) -> str:
    """Return the secret behind `reference`. A URL that is written out is its own value.

    `base_dir` is the folder of sync.toml: `file:` paths start and `cmd:` commands run there.
    `where` opens messages, such as `sync.toml: targets.wiki.auth.token`. Raise SecretError if
    there is no secret, or one that an HTTP header cannot hold (except for a TextSecret), and
    SecretUnavailable if a command failed.
    """
    text = reference.get_secret_value()
    scheme, _, rest = text.partition(":")
    is_text = isinstance(reference, TextSecret)
    match scheme:
        case "http" | "https":
            return text
        case "env":
            secret = _from_env(rest, where)
        case "file":
            secret = _from_file(base_dir / rest, where)
        case "keyring":
            secret = _from_keyring(rest, where)
        case "cmd":
            secret = _from_cmd(rest, base_dir, where, cmd_timeout_s, whole=is_text)
        case _:  # literal
            secret = rest
    if not is_text:
        _check(secret, f"{where}: the value from {scheme}:")
    return secret


def _check(secret: str, what: str) -> None:
    """Raise SecretError for a secret that an HTTP header cannot hold (RFC 9110 section 5.5)."""
    if not secret.strip():
        raise SecretError(f"{what} is empty", code="SYNC-0153")
    if "\n" in secret or "\r" in secret:
        raise SecretError(
            f"{what} contains a line break", hint="a token is one line", code="SYNC-0153"
        )
    if not secret.isascii():
        raise SecretError(
            f"{what} contains a character that is not ASCII",
            hint="copy the token again",
            code="SYNC-0153",
        )
    if not secret.isprintable():
        raise SecretError(
            f"{what} contains a control character", hint="copy the token again", code="SYNC-0153"
        )
    if secret != secret.strip():
        raise SecretError(
            f"{what} begins or ends with a space", hint="copy the token again", code="SYNC-0153"
        )
    if secret.lower().startswith("bearer "):
        raise SecretError(
            f'{what} begins with the word "Bearer"',
            hint="omit the word: scimsync adds it",
            code="SYNC-0153",
        )


def _from_env(name: str, where: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise SecretError(
            f"{where}: the environment variable {name} is not set",
            hint=f"export {name}=…  (cron and systemd do not read your shell's profile)",
            code="SYNC-0151",
        )
    if not value:
        raise SecretError(f"{where}: the environment variable {name} is empty", code="SYNC-0151")
    return value


def _from_file(path: Path, where: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise SecretError(f"{where}: no such file: {path}", code="SYNC-0152") from None
    except IsADirectoryError:
        raise SecretError(f"{where}: {path} is a folder, not a file", code="SYNC-0152") from None
    except PermissionError:
        raise SecretError(
            f"{where}: {path} may not be read by this user", code="SYNC-0152"
        ) from None
    except (OSError, ValueError) as error:
        raise SecretError(
            f"{where}: {path} cannot be read: {_reason(error)}", code="SYNC-0152"
        ) from None
    if len(content) > _MAX_BYTES:
        raise SecretError(
            f"{where}: {path} is longer than {_MAX_BYTES // 1024} KiB, so it is not a token",
            code="SYNC-0152",
        )
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise SecretError(f"{where}: {path} is not a text file", code="SYNC-0152") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text.strip():
        raise SecretError(f"{where}: {path} is empty", code="SYNC-0152")
    return text


def _from_keyring(entry: str, where: str) -> str:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise SecretError(
            f"{where}: the keyring needs a package that is not installed",
            hint="pip install 'scimsync[keyring]'",
            code="SYNC-0154",
        ) from None
    service, user = service_and_user(entry) or ("", "")
    try:
        secret = keyring.get_password(service, user)
    except (KeyringError, OSError, RuntimeError) as error:
        raise SecretError(
            f"{where}: the keyring cannot be used: {type(error).__name__}",
            hint=(
                "a keyring must be unlocked for the user that runs scimsync; env: and file: need"
                " none"
            ),
            code="SYNC-0154",
        ) from None
    if secret is None:
        from shlex import quote

        raise SecretError(
            f"{where}: the keyring has no entry for user {user} of service {service}",
            hint=f"keyring set {quote(service)} {quote(user)}",
            code="SYNC-0154",
        )
    return secret


def _to_keyring(entry: str, value: str) -> None:
    import keyring

    service, user = service_and_user(entry) or ("", "")
    keyring.set_password(service, user, value)


def _to_cmd(command: str, base_dir: Path, value: str) -> None:
    """Give a command a secret to store, on its standard input. It may ignore that."""
    from scimsync.config.bounded_command import run_bounded

    content = value.encode()
    if len(content) <= _LONGEST_STORED:
        run_bounded(
            command_words(command),
            base_dir,
            CMD_TIMEOUT_S,
            _MAX_BYTES,
            stdin=content,
            variables=_STORE_VARIABLES,
        )


def _from_cmd(command: str, base_dir: Path, where: str, timeout_s: float, *, whole: bool) -> str:
    """Return the output of a command, `whole` or its first line only."""
    from scimsync.config.bounded_command import run_bounded  # costs time; few use it

    words = command_words(command)
    program = words[0]
    try:
        done = run_bounded(words, base_dir, timeout_s, _MAX_BYTES)
    except TimeoutError:
        raise SecretUnavailable(
            f"{where}: the command {program} did not end within {timeout_s:g} seconds",
            code="SYNC-0155",
        ) from None
    except FileNotFoundError:
        raise SecretError(
            f"{where}: no such command: {program}",
            hint="no shell is used; write the full path",
            code="SYNC-0155",
        ) from None
    except (OSError, ValueError) as error:
        raise SecretError(
            f"{where}: the command {program} cannot be run: {_reason(error)}", code="SYNC-0155"
        ) from None
    if done.is_cut:
        raise SecretError(
            f"{where}: the command {program} wrote more than {_MAX_BYTES // 1024} KiB, so its"
            " output is not a token",
            hint="the command must print the token in its first line, and little else",
            code="SYNC-0156",
        )
    if done.exit_code != 0:
        complaint = _excerpt(done.stderr, done.stdout)
        raise SecretUnavailable(
            f"{where}: the command {program} ended with exit code {done.exit_code}",
            details=[f"stderr: {complaint}"] if complaint else [],
            code="SYNC-0155",
        )
    written = done.stdout.rstrip(b"\r\n") if whole else b"".join(done.stdout.splitlines()[:1])
    try:
        secret = written.decode("utf-8")
    except UnicodeDecodeError:
        raise SecretError(
            f"{where}: what the command {program} wrote is not text", code="SYNC-0155"
        ) from None
    if not secret.strip():
        raise SecretUnavailable(f"{where}: the command {program} wrote nothing", code="SYNC-0155")
    return secret


def _excerpt(stderr: bytes, stdout: bytes) -> str:
    """Return the first line of `stderr` without words of `stdout` that may be the secret.

    Words of four letters or more are replaced.
    """
    line = next(
        (text for text in stderr.decode("utf-8", "replace").splitlines() if text.strip()), ""
    )
    for word in sorted(stdout.decode("utf-8", "replace").split(), key=len, reverse=True):
        line = line.replace(word, "…") if len(word) >= 4 else line
    return one_line(line, 200)


def _reason(error: Exception) -> str:
    return (
        error.strerror or type(error).__name__
        if isinstance(error, OSError)
        else "its name is not valid"
    )
