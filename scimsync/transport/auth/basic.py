"""HTTP basic authentication (RFC 7617)."""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, InstanceOf, WithJsonSchema

from scimsync.settings import SecretText, Text
from scimsync.settings.secret_reference import TextSecret, is_reference, text_secret
from scimsync.transport.auth.authenticator import AuthenticatorSettings, Secrets
from scimsync.transport.auth.fixed_headers import FixedHeaders
from scimsync.transport.connection_options import ConnectionOptions
from scimsync.transport.request_errors import BaseUrlError


def _name_or_secret(value: object) -> object:
    return text_secret(value) if is_reference(value) else value


Username = Annotated[
    InstanceOf[TextSecret] | Text,
    BeforeValidator(_name_or_secret),
    WithJsonSchema({"type": "string"}),
]
"""A name, or a reference to a secret where the name is one, such as an API key."""


class BasicSettings(AuthenticatorSettings):
    """`auth = { type = "basic", username = "provisioning", password = "env:WIKI_PASSWORD" }`"""

    type: Literal["basic"] = Field(description="Kind of authentication")
    username: Username = Field(
        description=(
            "Name of the account that scimsync uses; where it is a secret, such as an API key, a"
            " reference to it: env:NAME, file:PATH, …"
        ),
        examples=["provisioning"],
    )
    password: SecretText = Field(
        description=(
            "Where its password is found: env:NAME, file:PATH, keyring:SERVICE/USER, cmd:COMMAND"
        ),
        examples=["env:APP_PASSWORD"],
    )

    def authenticator(
        self, base_url: str, secret: Secrets, _options: ConnectionOptions
    ) -> FixedHeaders:
        """Return an authenticator that sends name and password to the origin of `base_url`."""
        password = secret("password")
        is_secret = isinstance(self.username, TextSecret)
        username = secret("username") if is_secret else str(self.username)
        if ":" in username:
            raise BaseUrlError("the username of basic authentication cannot contain a colon")
        if "\n" in password or "\r" in password:
            raise BaseUrlError("the password contains a line break")
        credentials = b64encode(f"{username}:{password}".encode()).decode()
        return FixedHeaders(
            {"Authorization": f"Basic {credentials}"},
            [credentials, password, *([username] if is_secret else [])],
            base_url,
            "the password",
        )
