"""`[sources.NAME]` with `type = "ldap"`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from scimsync.settings import SecretText, Span, Text, invalid
from scimsync.settings.text_types import quoted, toml_type
from scimsync.settings.urls import is_loopback
from scimsync.sources.base import Source, SourceSpec
from scimsync.sources.directory import dn
from scimsync.sources.directory.settings import DirectorySettings, FilterText
from scimsync.sources.workspace import Workspace

_URL_HINT = 'such as "ldaps://ldap.example.com"'
_LARGEST_PAGE = 100_000
_LONGEST_TIMEOUT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server listens: `host` and `port`, or the path of a socket of this machine."""

    scheme: str
    host: str
    port: int

    @property
    def is_local_socket(self) -> bool:
        """Whether `host` is the path of a socket."""
        return self.scheme == "ldapi"


def parse_url(url: str) -> ServerAddress:
    """Return the address that a URL names. Raise ValueError, which says what is wrong with it."""
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in ("ldap", "ldaps", "ldapi"):
        raise ValueError("must begin with ldaps://, ldap://, or ldapi://")
    if scheme == "ldapi":
        path = unquote(rest)
        if not path.startswith("/"):
            raise ValueError("must name a socket, as in ldapi://%2Frun%2Fslapd%2Fldapi")
        return ServerAddress(scheme, path, 0)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if not host or port == 0 or not url.isprintable() or " " in url:
        raise ValueError("must name a host")
    _check_rest(parts)
    return ServerAddress(scheme, host, port or (636 if scheme == "ldaps" else 389))


def _check_rest(parts: SplitResult) -> None:
    """Raise ValueError for parts of a URL that sync.toml has options for."""
    if "@" in parts.netloc:
        raise ValueError(
            "must not contain a user or a password; these go into bind_dn and password"
        )
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must end after the host and port; the rest goes into base and filter")


def _url(value: object) -> str:
    if not isinstance(value, str):
        raise invalid(
            f"must be a URL in quotes, not {toml_type(value)}", hint=_URL_HINT, code="SYNC-0260"
        )
    try:
        parse_url(value)
    except ValueError as error:
        raise invalid(str(error), hint=_URL_HINT, code="SYNC-0260") from None
    return value


def _base(text: str) -> str:
    try:
        dn.parse(text)
    except ValueError:
        raise invalid(
            f"{quoted(text)} is not a distinguished name",
            hint='such as "ou=people,dc=example,dc=com"',
            code="SYNC-0264",
        ) from None
    return text


def _page_size(value: object) -> object:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST_PAGE:
        raise invalid(
            f"must be a number of entries, from 0 (no pages) to {_LARGEST_PAGE:,}",
            hint="such as 500",
            code="SYNC-0264",
        )
    return value


def _timeout(value: timedelta) -> timedelta:
    if not timedelta(seconds=1) <= value <= _LONGEST_TIMEOUT:
        raise invalid("must be from 1s to 1h", hint='such as "2m"', code="SYNC-0264")
    return value


def _nested(value: object) -> object:
    if isinstance(value, bool) or value == "in-chain":
        return value
    found = quoted(value) if isinstance(value, str) else toml_type(value)
    raise invalid(f'must be true, false, or "in-chain", not {found}', code="SYNC-0264")


class LdapSettings(DirectorySettings):
    """`[sources.NAME]`: the entries below a base of an LDAP server that match a filter."""

    type: Literal["ldap"] = Field(description="Kind of source")
    url: Annotated[
        str,
        BeforeValidator(_url),
        WithJsonSchema({"type": "string", "pattern": "^[lL][dD][aA][pP][sSiI]?://.+$"}),
    ] = Field(
        description=(
            "The server: ldaps://HOST, ldap://HOST with starttls, or ldapi://PATH for a socket of"
            " this machine, with / written as %2F"
        ),
        examples=["ldaps://ldap.example.com"],
    )
    base: Annotated[Text, AfterValidator(_base)] = Field(
        description="The entry where the search begins", examples=["ou=people,dc=example,dc=com"]
    )
    filter: FilterText | None = Field(
        None,
        description="Which entries are records; those that have the key if omitted",
        examples=["(&(objectClass=person)(employeeNumber=*))"],
    )
    scope: Annotated[
        Literal["subtree", "one"],
        WithJsonSchema({"enum": ["subtree", "one"]}),
    ] = Field(
        "subtree", description="Entries at any depth below the base, or directly below it only"
    )
    bind_dn: Text | None = Field(
        None,
        description=(
            "The account used to read, as a DN, or as name@domain for Active Directory;"
            " anonymous if omitted"
        ),
        examples=["cn=scimsync,ou=services,dc=example,dc=com"],
    )
    password: SecretText | None = Field(
        None, description="Reference to the password of bind_dn", examples=["env:LDAP_PASSWORD"]
    )
    sasl: Literal["external"] | None = Field(
        None,
        description=(
            "external: the server identifies the account by the client's "
            "certificate, or by the system's"
            " user for ldapi"
        ),
    )
    starttls: bool = Field(False, description="Whether to begin TLS on a connection of ldap://")
    ca: Text | None = Field(
        None,
        description="File of the certificates to trust, in PEM, instead of the system's",
    )
    cert: Text | None = Field(None, description="File of the client's certificate, in PEM")
    cert_key: Text | None = Field(
        None, description="File of its private key, if not in the same file"
    )
    page_size: Annotated[
        int,
        BeforeValidator(_page_size),
        WithJsonSchema({"type": "integer", "minimum": 0, "maximum": _LARGEST_PAGE}),
    ] = Field(500, description="Entries in one page (RFC 2696); 0 requests all at once")
    timeout: Annotated[Span, AfterValidator(_timeout)] = Field(
        timedelta(seconds=60), description="How long to wait for the server, each time"
    )
    nested: Annotated[
        bool | Literal["in-chain"],
        BeforeValidator(_nested),
        WithJsonSchema({"enum": [True, False, "in-chain"]}),
    ] = Field(
        True,
        description=(
            "Whether the members of groups within groups count as members; in-chain lets Active"
            " Directory find them"
        ),
    )
    read_schema: bool = Field(
        True,
        description="Whether to read the types of attributes from the server's schema",
    )

    @property
    def address(self) -> ServerAddress:
        """Where the server listens."""
        return parse_url(self.url)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for applies, option, problem, hint in self._misfits():
            if applies:
                raise invalid(problem, hint=hint, code="SYNC-0264", below=(option,))
        address = self.address
        if address.scheme == "ldap" and not self.starttls and not is_loopback(address.host):
            raise invalid(
                "ldap:// without TLS is for this machine only (localhost, 127.0.0.1, ::1)",
                hint="write ldaps://, or starttls = true",
                code="SYNC-0260",
                below=("url",),
            )
        return self

    def _misfits(self) -> list[tuple[bool, str, str, str | None]]:
        """Return what may not fit together: whether it is so, the option, the problem, a hint."""
        address = self.address
        has_tls = address.scheme == "ldaps" or self.starttls
        external = self.sasl is not None
        has_account = self.bind_dn is not None or self.password is not None
        write_tls = "write ldaps://, or starttls = true"
        anonymous = "leave out both to read anonymously"
        return [
            (self.starttls and address.scheme != "ldap", "starttls", "is for ldap:// only", None),
            (self.ca is not None and not has_tls, "ca", "is for TLS", write_tls),
            (self.cert is not None and not has_tls, "cert", "is for TLS", write_tls),
            (
                self.cert_key is not None and self.cert is None,
                "cert_key",
                "is for cert, which is missing",
                None,
            ),
            (external and has_account, "sasl", "takes neither bind_dn nor password", None),
            (
                external and not address.is_local_socket and self.cert is None,
                "sasl",
                "needs cert, or an ldapi:// URL",
                None,
            ),
            (
                self.bind_dn is not None and self.password is None,
                "bind_dn",
                "needs password",
                anonymous,
            ),
            (
                self.password is not None and self.bind_dn is None,
                "password",
                "needs bind_dn",
                anonymous,
            ),
        ]

    @classmethod
    def from_location(cls, location: str) -> Mapping[str, object] | None:
        """Return the options that an LDAP URL stands for (RFC 4516, section 2)."""
        scheme, separator, rest = location.partition("://")
        if not separator or scheme.lower() not in ("ldap", "ldaps", "ldapi"):
            return None
        host, _, below = rest.partition("/")
        base, *more = (unquote(part) for part in below.split("?"))
        attributes, scope, query = (*more, "", "", "")[:3]
        found: dict[str, object] = {"url": f"{scheme}://{host}"}
        if base:
            found["base"] = base
        if attributes:
            found["attributes"] = attributes.split(",")
        if scope == "one":
            found["scope"] = scope
        if query:
            found["filter"] = query
        return found

    def open(self, spec: SourceSpec[Any], workspace: Workspace) -> Source:
        """Return the source. It connects when the first entry or the schema is needed."""
        from scimsync.sources.ldap.source import LdapSource

        return LdapSource(spec, workspace)
