"""A session that begins with name and password, for APIs that have a login and no OAuth.

The login answers with a token in its body (LLDAP), or sets a cookie (FreeIPA). The session is begun
when it is first needed, and again after a response with status 401.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode, urlsplit

from pydantic import Field, model_validator

from scimsync.jsontext import json_text, received_object
from scimsync.settings import EndpointUrl, SecretText, Text, invalid
from scimsync.transport.auth.authenticator import AuthenticatorSettings, Secrets
from scimsync.transport.connection_options import ConnectionOptions
from scimsync.transport.request_errors import NoResponse, TokenRefused

if TYPE_CHECKING:
    from scimsync.transport.auth.oauth2_tokens import AccessToken, OAuth2Authenticator

_FORM = "application/x-www-form-urlencoded;charset=UTF-8"
_COOKIE_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]+")
"""RFC 6265 section 4.1.1."""


class LoginSettings(AuthenticatorSettings):
    """`auth = { type = "login", url = "…", username = "…", password = "…", token = "token" }`"""

    type: Literal["login"] = Field(description="Kind of authentication")
    url: EndpointUrl = Field(
        description="The address that name and password are posted to",
        examples=["https://lldap.example.com/auth/simple/login"],
    )
    username: Text = Field(
        description="Name of the account that scimsync uses", examples=["provisioning"]
    )
    password: SecretText = Field(
        description=(
            "Where its password is found: env:NAME, file:PATH, keyring:SERVICE/USER, cmd:COMMAND"
        ),
        examples=["env:APP_PASSWORD"],
    )
    format: Literal["json", "form"] = Field("json", description="How they are posted")
    username_field: Text = Field("username", description="The field that takes the name")
    password_field: Text = Field("password", description="The field that takes the password")
    token: Text | None = Field(
        None,
        description="The member of the response that contains a bearer token",
        examples=["token"],
    )
    cookie: Text | None = Field(
        None,
        description="Instead of token: the cookie that the response sets",
        examples=["ipa_session"],
    )
    headers: dict[str, Text] = Field(
        default_factory=dict, description="Further headers of the login, such as Referer"
    )

    @model_validator(mode="after")
    def _check(self) -> LoginSettings:
        if (self.token is None) == (self.cookie is None):
            raise invalid("needs one of token and cookie", code="SYNC-0158")
        return self

    def authenticator(
        self, base_url: str, secret: Secrets, options: ConnectionOptions
    ) -> OAuth2Authenticator:
        """Return an authenticator that logs in for the origin of `base_url`."""
        from scimsync.transport.auth.oauth2_tokens import OAuth2Authenticator

        login = Login(self, secret("password"), options)
        if self.cookie is None:
            return OAuth2Authenticator(login, base_url, _no_refresh_token)
        name = self.cookie
        return OAuth2Authenticator(
            login, base_url, _no_refresh_token, header=lambda value: {"Cookie": f"{name}={value}"}
        )


class Login:
    """The source of the tokens or cookies of `LoginSettings`."""

    def __init__(self, settings: LoginSettings, password: str, options: ConnectionOptions) -> None:
        self._settings = settings
        self._password = password
        self._options = options

    @property
    def secrets(self) -> list[str]:
        """The password."""
        return [self._password]

    async def fetch(self) -> AccessToken:
        """Log in. Raise TokenRefused for a wrong password, and NoResponse."""
        from scimsync.transport.auth.oauth2_tokens import AccessToken, ask_for_token

        settings = self._settings
        fields = {
            settings.username_field: settings.username,
            settings.password_field: self._password,
        }
        is_json = settings.format == "json"
        content = json_text(fields) if is_json else urlencode(fields)
        headers = {
            "Accept": "application/json" if is_json else "*/*",
            "Content-Type": "application/json" if is_json else _FORM,
            **settings.headers,
        }
        answer = await ask_for_token(self._options, "POST", settings.url, headers, content.encode())
        host = urlsplit(settings.url).hostname
        if answer.status in (400, 401, 403):
            raise TokenRefused(f"{host} refuses the login of {settings.username}: {answer.status}")
        if answer.status >= 300:
            raise NoResponse(
                f"no login at {host}: it answers {answer.status}", may_have_had_effect=False
            )
        value = self._value(answer.content, answer.headers)
        if not value:
            what = f"no {settings.token}" if settings.cookie is None else "no such cookie"
            raise NoResponse(
                f"no login at {host}: there is {what} in its answer", may_have_had_effect=False
            )
        return AccessToken(value, None)

    def _value(self, content: bytes, headers: Mapping[str, str]) -> str | None:
        settings = self._settings
        if settings.cookie is not None:
            name = re.escape(settings.cookie)
            found = re.search(rf"(?:^|,\s*){name}=\"?([^\";,\s]+)", headers.get("Set-Cookie", ""))
            return found[1] if found and _COOKIE_VALUE.fullmatch(found[1]) else None
        found_value: Any = received_object(content)
        for member in (settings.token or "").split("."):
            found_value = found_value.get(member) if isinstance(found_value, dict) else None
        if not isinstance(found_value, str) or not all("!" <= one <= "~" for one in found_value):
            return None
        return found_value


def _no_refresh_token(_token: str) -> None:
    """Do nothing: a login has no refresh token to keep."""
