"""HTTP basic authentication (RFC 7617)."""

from __future__ import annotations

from base64 import b64encode
from typing import Literal

from pydantic import Field

from scimsync.settings import SecretText, Text
from scimsync.transport.auth.authenticator import AuthenticatorSettings, Secrets
from scimsync.transport.auth.fixed_headers import FixedHeaders
from scimsync.transport.connection_options import ConnectionOptions
from scimsync.transport.request_errors import BaseUrlError


class BasicSettings(AuthenticatorSettings):
    """`auth = { type = "basic", username = "provisioning", password = "env:WIKI_PASSWORD" }`"""

    type: Literal["basic"] = Field(description="Kind of authentication")
    username: Text = Field(
        description="Name of the account that scimsync uses", examples=["provisioning"]
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
        if ":" in self.username:
            raise BaseUrlError("the username of basic authentication cannot hold a colon")
        if "\n" in password or "\r" in password:
            raise BaseUrlError("the password holds a line break")
        credentials = b64encode(f"{self.username}:{password}".encode()).decode()
        return FixedHeaders(
            {"Authorization": f"Basic {credentials}"},
            [credentials, password],
            base_url,
            "the password",
        )
