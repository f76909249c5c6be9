"""Connect to an LDAP server with ldap3: TLS, bind, and the server's description of itself."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from scimsync.errors import ConfigError, ScimsyncError, SourceFormatError
from scimsync.formatting import one_line
from scimsync.sources.base import SourceSpec
from scimsync.sources.ldap import ldap_failures
from scimsync.sources.ldap.settings import LdapSettings, ServerAddress

if TYPE_CHECKING:
    import ldap3

Spec = SourceSpec[LdapSettings]

WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"
ACTIVE_DIRECTORY = "1.2.840.113556.1.4.800"
"""The capability that Active Directory and Samba announce ([MS-ADTS] 3.1.1.3.4.3.1)."""

_SEARCH_RESULT_ENTRY = 4  # RFC 4511, section 4.5.2
_ROOT_ATTRIBUTES = (
    "supportedExtension",
    "supportedCapabilities",
    "subschemaSubentry",
    "namingContexts",
    "defaultNamingContext",
)


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What a server says of itself (RFC 4512, section 5.1)."""

    values: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, name: str) -> tuple[str, ...]:
        """Return the values of an attribute of the root."""
        return self.values.get(name.lower(), ())

    @property
    def is_active_directory(self) -> bool:
        """Whether it is Active Directory, or Samba."""
        return ACTIVE_DIRECTORY in self.of("supportedCapabilities")


def label_of(address: ServerAddress) -> str:
    """Return the name of the server in messages."""
    if address.is_local_socket:
        return f"the LDAP server at {address.host}"
    return f"the LDAP server {address.host}:{address.port}"


@dataclass(frozen=True, slots=True)
class BoundServer:
    """A connection that is bound."""

    connection: ldap3.Connection = field(repr=False)  # which would show the password
    label: str
    info: ServerInfo

    def search(self, base: str, query: str, **options: Any) -> dict[str, Any]:
        """Search, and return the result with the entries under `entries`.

        `options` are those of `ldap3.Connection.search`. Raise SourceUnavailable if the server is
        gone, does not answer in time, or sends something other than LDAP.
        """
        with _answered(self.label):
            self.connection.search(base, query, **options)
            result = dict(self.connection.result)
            result["entries"] = [
                each for each in self.connection.response or () if each["type"] == "searchResEntry"
            ]
        return result


@contextmanager
def connected(spec: Spec) -> Iterator[BoundServer]:
    """Yield a connection, bound as sync.toml says.

    Raise SourceUnavailable if the server is out of reach, SourceFormatError if it refuses the
    account, ConfigError for files that cannot be read and an empty password.
    """
    settings = spec.settings
    label = label_of(settings.address)
    connection = _connection(spec)
    try:
        with _answered(label):
            connection.open(read_server_info=False)
            if settings.starttls:
                connection.start_tls(read_server_info=False)
        _bind(spec, connection, label)
        server = BoundServer(connection, label, ServerInfo())
        info = _server_info(server)
        if settings.bind_dn is not None or settings.sasl is not None:
            _ensure_known(spec, connection, label, info)
        yield BoundServer(connection, label, info)
    finally:
        _close(connection)


def _connection(spec: Spec) -> ldap3.Connection:
    _ensure_installed(spec)
    import ldap3

    settings = spec.settings
    address = settings.address
    seconds = int(settings.timeout.total_seconds())
    has_tls = address.scheme == "ldaps" or settings.starttls
    server = ldap3.Server(
        f"ldapi://{quote(address.host, safe='')}" if address.is_local_socket else address.host,
        port=address.port or None,
        use_ssl=address.scheme == "ldaps",
        tls=_tls(spec) if has_tls else None,
        get_info=ldap3.NONE,
        connect_timeout=seconds,
    )
    options: dict[str, Any] = {}
    if settings.sasl is not None:
        options = {
            "authentication": ldap3.SASL,
            "sasl_mechanism": ldap3.EXTERNAL,
            "sasl_credentials": "",
        }
    elif settings.bind_dn is not None:
        password = spec.secret("password")
        if not password:
            raise ConfigError(
                f"{spec.setting('password')}: the password is empty",
                hint="a server treats that as an anonymous account (RFC 4513, section 5.1.2)",
                code="SYNC-0251",
            )
        options = {
            "user": settings.bind_dn,
            "password": password,
            "authentication": ldap3.SIMPLE,
        }
    connection = ldap3.Connection(
        server,
        auto_referrals=False,
        auto_range=False,
        check_names=False,
        return_empty_attributes=False,
        raise_exceptions=False,
        read_only=True,
        receive_timeout=seconds,
        **options,
    )
    _take_entries_as_sent(connection)
    return connection


def _take_entries_as_sent(connection: ldap3.Connection) -> None:
    """Let ldap3 keep the names and values of entries as they are.

    It would decode all values twice, and keep them in dicts that ignore case, which takes as long
    as all that scimsync does with them.
    """
    decode = connection.strategy.decode_response_fast

    def decode_response_fast(message: dict[str, Any]) -> dict[str, Any]:
        if message["protocolOp"] != _SEARCH_RESULT_ENTRY:
            found: dict[str, Any] = decode(message)
            return found
        name, attributes = message["payload"]
        values = {
            kind[3].decode(): [value[3] for value in every[3]]
            for *_, (kind, every) in attributes[3]
        }
        return {"type": "searchResEntry", "raw_dn": name[3], "raw_attributes": values}

    connection.strategy.decode_response_fast = decode_response_fast


def _ensure_installed(spec: Spec) -> None:
    if find_spec("ldap3") is None:
        raise ConfigError(
            f'{spec.setting("type")}: "ldap" needs a package that is not installed',
            hint="pip install 'scimsync[ldap]'",
            code="SYNC-0913",
        )


def _tls(spec: Spec) -> Any:
    """Return TLS for ldap3 that checks the server's certificate as Python does for https.

    ldap3 itself compares the name with a function that Python 3.12 no longer has.
    """
    import ldap3

    settings = spec.settings
    context = _ssl_context(spec)
    host = settings.address.host

    class CheckedTls(ldap3.Tls):
        def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
            connection.socket = context.wrap_socket(
                connection.socket, server_hostname=host, do_handshake_on_connect=do_handshake
            )

    return CheckedTls(validate=ssl.CERT_REQUIRED)


def _ssl_context(spec: Spec) -> ssl.SSLContext:
    settings = spec.settings

    def path(option: str) -> str | None:
        text = getattr(settings, option)
        return None if text is None else str(spec.base_dir / text)

    option = "ca"
    try:
        context = ssl.create_default_context(cafile=path("ca"))
        option = "cert"
        if (cert := path("cert")) is not None:
            context.load_cert_chain(cert, path("cert_key"))
    except ssl.SSLError:
        raise ConfigError(
            f"{spec.setting(option)}: {getattr(settings, option)} does not contain the required"
            " PEM data, or the private key does not match",
            code="SYNC-0260",
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{spec.setting(option)}: {getattr(settings, option)} cannot be read: {error.strerror}",
            code="SYNC-0260",
        ) from None
    return context


def _bind(spec: Spec, connection: ldap3.Connection, label: str) -> None:
    settings = spec.settings
    option = "sasl" if settings.sasl is not None else "bind_dn"
    with _answered(label):
        connection.bind(read_server_info=False)
        result = connection.result
    if result["result"] != ldap_failures.SUCCESS:
        raise ldap_failures.of_bind(
            label,
            spec.setting(option),
            result["result"],
            result["description"],
            str(result["message"]),
        )


def _server_info(server: BoundServer) -> ServerInfo:
    result = server.search(
        "", "(objectClass=*)", search_scope="BASE", attributes=list(_ROOT_ATTRIBUTES)
    )
    found: dict[str, tuple[str, ...]] = {}
    for entry in result["entries"]:
        for name, values in entry["raw_attributes"].items():
            found[name.lower()] = tuple(value.decode(errors="replace") for value in values)
    return ServerInfo(found)


def _ensure_known(spec: Spec, connection: ldap3.Connection, label: str, info: ServerInfo) -> None:
    """Raise SourceFormatError if the server treats the account as anonymous.

    It would show fewer entries to that. Servers without "Who am I?" (RFC 4532) are not asked.
    """
    if WHO_AM_I not in info.of("supportedExtension"):
        return
    with _answered(label):
        connection.extended(WHO_AM_I)
        result = connection.result
    value = result.get("responseValue")
    if result["result"] == ldap_failures.SUCCESS and not value:
        option = "sasl" if spec.settings.sasl is not None else "bind_dn"
        raise SourceFormatError(
            f"{spec.setting(option)}: {label} treats the account as anonymous",
            hint="the server has to map the certificate or user to an account",
            code="SYNC-0251",
        )


def _close(connection: ldap3.Connection) -> None:
    """Close a connection in whichever state it is."""
    import socket
    from contextlib import suppress

    from ldap3.core.exceptions import LDAPExceptionError

    with suppress(LDAPExceptionError, OSError, *_NO_LDAP):
        connection.unbind()
    if isinstance(connection.socket, socket.socket):  # opening failed half-way
        connection.socket.close()


_NO_LDAP = (AttributeError, IndexError, KeyError, TypeError, UnicodeDecodeError, ValueError)
"""What ldap3 raises for bytes that are no LDAP."""

_NOISE = re.compile(
    "^(socket connection error while opening|socket ssl wrapping error|wrap socket error"
    "|error receiving data|startTLS failed -): "
)


@contextmanager
def _answered(label: str) -> Iterator[None]:
    """Turn failures of the connection into SourceUnavailable."""
    from ldap3.core.exceptions import LDAPExceptionError

    try:
        yield
    except ScimsyncError:
        raise
    except (LDAPExceptionError, OSError) as error:
        raise ldap_failures.unavailable(label, _reason(error)) from None
    except _NO_LDAP:
        raise ldap_failures.unavailable(label, "its response is not LDAP") from None


def _reason(error: Exception) -> str:
    texts = [str(error)]
    if len(error.args) > 1 and isinstance(error.args[1], list):  # one failure for each address
        texts = [str(each[0]) for each in error.args[1]]
    shown = [one_line(_NOISE.sub("", text), 300) for text in dict.fromkeys(texts)]
    return "; ".join(filter(None, shown)) or type(error).__name__
