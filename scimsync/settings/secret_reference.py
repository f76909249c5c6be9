"""The field type for secrets: a reference such as `env:WIKI_TOKEN`, never shown in messages."""

from __future__ import annotations

import re
from shlex import split
from typing import Annotated

from pydantic import BeforeValidator, SecretStr, WithJsonSchema

from scimsync.settings.table import invalid

REFERENCE_FORMS = "write env:NAME, file:PATH, keyring:SERVICE/USER, cmd:COMMAND or literal:TOKEN"
_SCHEMES = ("env", "file", "keyring", "cmd", "literal")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def secret_reference(value: object) -> SecretStr:
    """Return `value` as a reference to a secret. Raise the error for anything else."""
    if isinstance(value, SecretStr):
        return value
    if not isinstance(value, str):
        raise invalid("must be a string in quotes", hint=REFERENCE_FORMS, code="SYNC-0150")
    scheme, colon, rest = value.partition(":")
    if not colon or scheme not in _SCHEMES:
        raise invalid(
            "must be a reference to a secret (its value is not shown here)",
            hint=REFERENCE_FORMS,
            code="SYNC-0150",
        )
    if not rest.strip():
        raise invalid(f"nothing follows {scheme}:", hint=REFERENCE_FORMS, code="SYNC-0150")
    if scheme == "env" and not _VARIABLE.fullmatch(rest):
        raise invalid(
            "the text after env: is not the name of an environment variable",
            hint='such as "env:WIKI_TOKEN"',
            code="SYNC-0150",
        )
    if scheme == "keyring" and service_and_user(rest) is None:
        raise invalid(
            "keyring: needs a service and a user",
            hint='such as "keyring:scimsync/wiki"',
            code="SYNC-0154",
        )
    if scheme == "cmd" and not command_words(rest):
        raise invalid(
            "the text after cmd: is not a command; check its quotes",
            hint='such as "cmd:pass show wiki"',
            code="SYNC-0150",
        )
    return SecretStr(value)


def service_and_user(text: str) -> tuple[str, str] | None:
    """Return the two parts of `SERVICE/USER`; the service may contain slashes."""
    service, slash, user = text.rpartition("/")
    return (service, user) if slash and service and user else None


def command_words(command: str) -> list[str]:
    """Split a command as a shell does. Return no words if its quotes do not match."""
    try:
        return split(command)
    except ValueError:
        return []


class TextSecret(SecretStr):
    """A reference to a secret of any text, which may have several lines."""


def is_reference(value: object) -> bool:
    """Return whether `value` is a text that starts like a reference to a secret."""
    if isinstance(value, SecretStr):
        return True
    return isinstance(value, str) and value.partition(":")[0] in _SCHEMES and ":" in value


def text_secret(value: object) -> TextSecret:
    """Return `value` as a reference to a secret of any text. Raise the error for anything else."""
    return TextSecret(secret_reference(value).get_secret_value())


_SCHEMA = WithJsonSchema({"type": "string", "pattern": rf"^({'|'.join(_SCHEMES)}):.+"})

SecretReference = Annotated[SecretStr, BeforeValidator(secret_reference), _SCHEMA]
"""Where a secret for an HTTP header is found, such as a token: `env:NAME`, `file:PATH`,
`keyring:SERVICE/USER`, `cmd:COMMAND`, or `literal:` and the secret itself."""

SecretText = Annotated[TextSecret, BeforeValidator(text_secret), _SCHEMA]
"""Where a password or a private key is found, which may hold any characters."""
