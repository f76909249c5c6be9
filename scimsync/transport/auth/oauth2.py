"""OAuth 2.0 access tokens (RFC 6749, RFC 7523): the settings, and what they mean."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from scimsync.settings import EndpointUrl, SecretReference, SecretText, Text, invalid
from scimsync.transport.auth.authenticator import AuthenticatorSettings, Secrets
from scimsync.transport.connection_options import ConnectionOptions

if TYPE_CHECKING:
    from scimsync.transport.auth.oauth2_tokens import OAuth2Authenticator

Grant = Literal["client_credentials", "refresh_token", "jwt_bearer"]


class OAuth2Settings(AuthenticatorSettings):
    """`auth = { type = "oauth2", token_url = "…", client_id = "…", client_secret = "env:…" }`"""

    type: Literal["oauth2"] = Field(description="Kind of authentication")
    token_url: EndpointUrl | None = Field(
        None,
        description="The token endpoint of the authorization server",
        examples=["https://login.example.com/oauth2/token"],
    )
    issuer: EndpointUrl | None = Field(
        None,
        description=(
            "The authorization server, instead of token_url: its metadata name the token endpoint"
            " (RFC 8414)"
        ),
    )
    client_id: Text = Field(
        description="The id of scimsync at the authorization server",
        examples=["my-client-id"],
    )
    client_secret: SecretText | None = Field(
        None, description="Where its secret is found: env:NAME, file:PATH, …"
    )
    private_key: SecretText | None = Field(
        None,
        description=(
            "Where its private key in PEM is found; signs a JWT instead of a secret (RFC 7523)"
        ),
    )
    key_id: Text | None = Field(None, description="`kid` in the header of signed JWTs")
    algorithm: Literal["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"] = Field(
        "RS256", description="The algorithm of signed JWTs"
    )
    client_auth: Literal["basic", "post"] = Field(
        "basic", description="Where the secret is sent: in a header (basic) or in the body (post)"
    )
    grant: Literal["jwt_bearer"] | None = Field(
        None,
        description=(
            "jwt_bearer: a JWT signed by private_key is exchanged for a token; otherwise client"
            " credentials, or the refresh_token"
        ),
    )
    subject: Text | None = Field(
        None, description="The user that scimsync acts for; only with grant = jwt_bearer"
    )
    refresh_token: SecretReference | None = Field(
        None,
        description=(
            "Where a refresh token is found. If the server replaces it, the new one is written to"
            " file: or keyring:, or given to cmd: on its input, and otherwise kept in the state,"
            " encrypted"
        ),
    )
    scope: Text | None = Field(None, description="Scopes, separated by spaces")
    audience: Text | None = Field(None, description="The parameter audience of the request")
    resource: Text | None = Field(None, description="The parameter resource (RFC 8707)")
    params: dict[str, Text] = Field(
        default_factory=dict, description="Further parameters of the request"
    )

    @model_validator(mode="after")
    def _check(self) -> OAuth2Settings:
        if (self.token_url is None) == (self.issuer is None):
            raise invalid("needs one of token_url and issuer", code="SYNC-0158")
        if self.client_secret is not None and self.private_key is not None:
            raise invalid("takes client_secret or private_key, not both", code="SYNC-0158")
        if self.grant == "jwt_bearer" and self.private_key is None:
            raise invalid('grant = "jwt_bearer" needs private_key', code="SYNC-0158")
        if self.grant is not None and self.refresh_token is not None:
            raise invalid("takes grant or refresh_token, not both", code="SYNC-0158")
        if self.subject is not None and self.grant is None:
            raise invalid('subject needs grant = "jwt_bearer"', code="SYNC-0158")
        has_proof = self.client_secret or self.private_key or self.refresh_token
        if has_proof is None:
            raise invalid("needs client_secret, private_key or refresh_token", code="SYNC-0158")
        return self

    @property
    def grant_type(self) -> Grant:
        """The way to get a token."""
        if self.refresh_token is not None:
            return "refresh_token"
        return self.grant or "client_credentials"

    def authenticator(
        self, base_url: str, secret: Secrets, options: ConnectionOptions
    ) -> OAuth2Authenticator:
        """Return an authenticator that gets tokens for the origin of `base_url`."""
        from scimsync.transport.auth.oauth2_tokens import OAuth2Authenticator, TokenEndpoint

        given = {
            name: secret(name)
            for name in ("client_secret", "private_key")
            if getattr(self, name) is not None
        }
        if self.refresh_token is not None:
            given["refresh_token"] = secret.latest("refresh_token")
        endpoint = TokenEndpoint(self, given, options, partial(secret.latest, "refresh_token"))
        return OAuth2Authenticator(endpoint, base_url, partial(secret.replace, "refresh_token"))
