"""An LDAP server on loopback for what OpenLDAP does not do: ranges, Active Directory's matching
rule, and responses that are cut short.

It keeps entries in memory, evaluates filters with scimsync's own evaluator, and lets a test change
each response before it is sent.
"""

from __future__ import annotations

import socketserver
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from scimsync.sources.directory import ldap_filters
from scimsync.sources.directory.attribute_types import AttributeTypes

PAGES = "1.2.840.113556.1.4.319"
ACTIVE_DIRECTORY = "1.2.840.113556.1.4.800"
WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"
RANGE = 1_500
"""As many values of an attribute Active Directory sends at once."""

Values = Mapping[str, Sequence[bytes]]


@dataclass
class Search:
    """A request to search. `cookie` is None for one without pages."""

    number: int
    base: str
    scope: int
    query: str
    attributes: list[str]
    page_size: int = 0
    cookie: bytes | None = None


@dataclass
class Answer:
    """What is sent for a search: entries, then the result, then perhaps nothing ever again.

    `cookie` is None for a result without pages. `elsewhere` are URLs of parts of the tree that
    other servers have. `closes` ends the connection instead of sending the result, in the middle of
    the last message if `half`.
    """

    entries: Sequence[tuple[str, Values]] = field(default_factory=list)
    code: int = 0
    message: str = ""
    cookie: bytes | None = None
    referrals: Sequence[str] = ()
    elsewhere: Sequence[str] = ()
    closes: bool = False
    half: bool = False
    raw: bytes | None = None


class LdapResponder:
    """A directory as Active Directory shows it. `alter` changes answers before they are sent, and
    `who` is the answer to "Who am I?"."""

    def __init__(self, entries: Mapping[str, Mapping[str, Sequence[bytes | str]]]) -> None:
        self.entries = {
            name: {key: [_bytes(value) for value in values] for key, values in each.items()}
            for name, each in entries.items()
        }
        self.searches: list[Search] = []
        self.alter: Callable[[Search, Answer], Answer] = lambda _search, answer: answer
        self.who = "dn:cn=reader"
        self.port = 0

    @property
    def url(self) -> str:
        return f"ldap://127.0.0.1:{self.port}"

    def answer(self, search: Search) -> Answer:
        """Return the entries of a search, a page of them, with ranges of long attributes."""
        matches = self._test(search.query)
        found = [
            (name, self._shown(values, search.attributes))
            for name, values in self.entries.items()
            if self._is_in(name, search) and matches(name, values)
        ]
        if search.scope == 0 and not found:
            return Answer(code=32)
        if search.cookie is None:
            return Answer(found)
        start = int(search.cookie or b"0")
        end = start + search.page_size
        return Answer(found[start:end], cookie=str(end).encode() if end < len(found) else b"")

    def _is_in(self, name: str, search: Search) -> bool:
        if search.scope == 0:
            return name.lower() == search.base.lower()
        return bool(name) and name.lower().endswith(search.base.lower())

    def _test(self, query: str) -> Callable[[str, Values], bool]:
        if ldap_filters.IN_CHAIN in query:
            group = query.partition(f"{ldap_filters.IN_CHAIN}:=")[2].partition(")")[0]
            members = self._in_chain(group)
            return lambda name, values: (
                name in members and (b"group" not in values["objectClass"] or "(!" not in query)
            )
        test = ldap_filters.compiled(ldap_filters.parse(query), AttributeTypes())
        return lambda _, values: test({key.lower(): each for key, each in values.items()})

    def _in_chain(self, group: str) -> set[str]:
        found: set[str] = set()
        waiting = [group]
        while waiting:
            for member in self.entries.get(waiting.pop(), {}).get("member", ()):
                if (name := member.decode()) not in found:
                    found.add(name)
                    waiting.append(name)
        return found

    def _shown(self, values: Values, wanted: Sequence[str]) -> dict[str, Sequence[bytes]]:
        shown: dict[str, Sequence[bytes]] = {}
        for each in wanted:
            name, _, option = each.partition(";range=")
            for key, found in values.items():
                if name not in ("*", key) and name.lower() != key.lower():
                    continue
                start = int(option.partition("-")[0] or 0)
                rest = found[start : start + RANGE]
                if len(found) <= RANGE and not option:
                    shown[key] = found
                else:
                    last = start + len(rest) >= len(found)
                    end = "*" if last else str(start + len(rest) - 1)
                    shown[key] = []
                    shown[f"{key};range={start}-{end}"] = rest
        return shown


@contextmanager
def running_responder(
    entries: Mapping[str, Mapping[str, Sequence[bytes | str]]],
) -> Iterator[LdapResponder]:
    """Run a responder with `entries`, and a root that announces Active Directory."""
    root = {
        "": {
            "objectClass": ["top"],
            "supportedCapabilities": [ACTIVE_DIRECTORY],
            "supportedExtension": [WHO_AM_I],
        }
    }
    responder = LdapResponder({**root, **entries})

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                _serve(responder, self.request)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        responder.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield responder
        finally:
            server.shutdown()
            thread.join()


def _serve(responder: LdapResponder, stream: Any) -> None:
    while True:
        data = _message(stream)
        if data is None:
            return
        (_, message), *_ = _values(data)
        (_, number_), (operation, content), *rest = _values(message)
        number = int.from_bytes(number_, "big")
        if operation == 0x60:  # bind
            stream.sendall(_wrap(number, _tlv(0x61, _result(0, ""))))
        elif operation == 0x63:  # search
            search = _search(number, content, rest[0][1] if rest else b"")
            responder.searches.append(search)
            if not _send(stream, number, responder.alter(search, responder.answer(search))):
                return
        elif operation == 0x77:  # extended: who am I?
            value = _tlv(0x8B, responder.who.encode())
            stream.sendall(_wrap(number, _tlv(0x78, _result(0, "") + value)))
        else:  # unbind
            return


def _send(stream: Any, number: int, answer: Answer) -> bool:
    if answer.raw is not None:
        stream.sendall(answer.raw)
        return False
    messages = []
    for name, values in answer.entries:
        attributes = b"".join(
            _tlv(0x30, _octets(key) + _tlv(0x31, b"".join(map(_octets, each))))
            for key, each in values.items()
        )
        messages.append(_wrap(number, _tlv(0x64, _octets(name) + _tlv(0x30, attributes))))
    if answer.elsewhere:
        urls = b"".join(map(_octets, answer.elsewhere))
        messages.append(_wrap(number, _tlv(0x73, urls)))
    if answer.closes:
        sent = b"".join(messages)
        stream.sendall(sent[: -len(messages[-1]) // 2] if answer.half else sent)
        return False
    controls = b""
    if answer.cookie is not None:
        value = _tlv(0x30, _tlv(0x02, b"\0") + _octets(answer.cookie))
        controls = _tlv(0xA0, _tlv(0x30, _octets(PAGES) + _octets(value)))
    result = _result(answer.code, answer.message, answer.referrals)
    messages.append(_wrap(number, _tlv(0x65, result), controls))
    stream.sendall(b"".join(messages))
    return True


def _search(number: int, content: bytes, controls: bytes) -> Search:
    base, scope, _, _, _, _, query, attributes = _values(content)
    found = Search(
        number,
        base[1].decode(),
        scope[1][0],
        _query(*query),
        [each.decode() for _, each in _values(attributes[1])],
    )
    for _, control in _values(controls):
        (_, kind), *_, (_, value) = _values(control)
        if kind.decode() == PAGES:
            (_, size), (_, found.cookie) = _values(_values(value)[0][1])
            found.page_size = int.from_bytes(size, "big")
    return found


def _query(tag: int, content: bytes) -> str:
    """Return a filter as text (RFC 4511, section 4.5.1.7)."""
    parts = _values(content) if tag != 0x87 else []
    if tag in (0xA0, 0xA1):
        return f"({'&' if tag == 0xA0 else '|'}{''.join(_query(*part) for part in parts)})"
    if tag == 0xA2:
        return f"(!{_query(*parts[0])})"
    if tag == 0x87:
        return f"({content.decode()}=*)"
    if tag == 0xA9:
        found = {kind: value.decode() for kind, value in parts}
        return f"({found.get(0x82, '')}:{found.get(0x81, '')}:={found[0x83]})"
    assert tag == 0xA3, f"a filter of kind {tag:x}"
    (_, name), (_, value) = parts
    return f"({name.decode()}={ldap_filters.escaped(value.decode())})"


def _values(data: bytes) -> list[tuple[int, bytes]]:
    """Return the tags and contents of values that follow each other in BER."""
    found = []
    at = 0
    while at < len(data):
        tag, length, start = data[at], data[at + 1], at + 2
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(data[at + 2 : start], "big")
        found.append((tag, data[start : start + length]))
        at = start + length
    return found


def _message(stream: Any) -> bytes | None:
    data = b""
    while True:
        more = stream.recv(65_536)
        if not more:
            return None
        data += bytes(more)
        if len(data) < 2:
            continue
        length, start = data[1], 2
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(data[2:start], "big")
        if len(data) >= start + length:
            return data


def _wrap(number: int, operation: bytes, controls: bytes = b"") -> bytes:
    identity = _tlv(0x02, number.to_bytes(4, "big"))
    return _tlv(0x30, identity + operation + controls)


def _result(code: int, message: str, referrals: Sequence[str] = ()) -> bytes:
    more = _tlv(0xA3, b"".join(map(_octets, referrals))) if referrals else b""
    return _tlv(0x0A, bytes([code])) + _octets("") + _octets(message) + more


def _octets(value: bytes | str) -> bytes:
    return _tlv(0x04, _bytes(value))


def _tlv(tag: int, content: bytes) -> bytes:
    """Return BER: tag, length, content (X.690)."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value
