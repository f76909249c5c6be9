"""Read all entries that a search finds: page by page, and long lists of values range by range."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from scimsync.errors import SourceFormatError
from scimsync.sources.ldap import ldap_failures
from scimsync.sources.ldap.ldap_connection import BoundServer

PAGES = "1.2.840.113556.1.4.319"
"""The control of RFC 2696, in a request and in its response."""

ANY = "(objectClass=*)"

_RANGE = re.compile(r"(.+?);range=(\d+)-(\d+|\*)", re.IGNORECASE)
_MOST_EMPTY_PAGES = 1_000

Attributes = list[tuple[str, Sequence[bytes]]]


class FoundEntry(NamedTuple):
    """An entry that a search found."""

    dn: str
    attributes: Attributes


class LdapSearch(NamedTuple):
    """What to search for. `place` begins a message about the option that names the base."""

    base: str
    query: str
    attributes: Sequence[str]
    page_size: int
    place: str
    scope: str = "SUBTREE"


def find(server: BoundServer, search: LdapSearch) -> Iterator[FoundEntry]:
    """Yield all entries.

    Raise SourceUnavailable if the server fails, or ends before it has sent all pages, and
    SourceFormatError if it refuses the search or has reached a limit. References to other servers
    are not followed.
    """
    cookie: bytes | None = None
    page, empty = 1, 0
    while True:
        result = server.search(
            search.base,
            search.query,
            search_scope=search.scope,
            dereference_aliases="NEVER",
            attributes=list(search.attributes),
            paged_size=search.page_size or None,
            paged_criticality=False,
            paged_cookie=cookie,
        )
        _ensure_success(server, search, result)
        for entry in result["entries"]:
            yield FoundEntry(_name(server, entry), _whole(server, entry))
        following = _cookie(result)
        if following is None and cookie is not None:
            raise ldap_failures.incomplete(
                server.label, f"page {page} does not say whether more follow"
            )
        if not following:
            return
        empty = 0 if result["entries"] else empty + 1
        if empty > _MOST_EMPTY_PAGES or (empty and following == cookie):
            raise ldap_failures.incomplete(server.label, "it keeps sending pages without entries")
        cookie = following
        page += 1


def read(server: BoundServer, dn: str, attributes: Sequence[str]) -> tuple[FoundEntry | None, bool]:
    """Read one entry, None if there is none or it must not be read.

    Return as well whether it is on another server.
    """
    search = LdapSearch(dn, ANY, attributes, 0, server.label, "BASE")
    result = server.search(
        dn, ANY, search_scope="BASE", dereference_aliases="NEVER", attributes=list(attributes)
    )
    if result["result"] == ldap_failures.REFERRAL:
        return None, True
    if result["result"] in ldap_failures.NO_ENTRY:
        return None, False
    _ensure_success(server, search, result)
    for entry in result["entries"]:
        return FoundEntry(_name(server, entry), _whole(server, entry)), False
    return None, False


def _ensure_success(server: BoundServer, search: LdapSearch, result: dict[str, Any]) -> None:
    code = result["result"]
    if code == ldap_failures.SUCCESS:
        return
    if code == ldap_failures.REFERRAL:
        others = ", ".join(result.get("referrals") or ()) or "another server"
        raise SourceFormatError(
            f"{search.place}: {search.base} is on another server: {others}",
            hint="write its address as url; scimsync does not follow referrals",
            code="SYNC-0252",
        )
    raise ldap_failures.of_result(
        server.label, search.place, code, result["description"], str(result["message"])
    )


def _cookie(result: dict[str, Any]) -> bytes | None:
    """Return the cookie of the next page, b"" for the last one, None without pages."""
    control = (result.get("controls") or {}).get(PAGES)
    return None if control is None else bytes(control["value"]["cookie"])


def _name(server: BoundServer, entry: dict[str, Any]) -> str:
    raw: bytes = entry["raw_dn"]
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ldap_failures.unavailable(server.label, "it sent a DN that is not UTF-8") from None


def _whole(server: BoundServer, entry: dict[str, Any]) -> Attributes:
    """Return the attributes of an entry, with all values of those that come in ranges.

    Active Directory sends the first 1,500 values of an attribute under a name such as
    `member;range=0-1499` ([MS-ADTS] 3.1.1.3.1.3.3).
    """
    attributes: Attributes = []
    for name, values in entry["raw_attributes"].items():
        match = _RANGE.fullmatch(name)
        if match is None:
            if values:
                attributes.append((name, values))
        else:
            every = list(values)
            _extend(server, _name(server, entry), match, every)
            attributes.append((match[1], every))
    return attributes


def _extend(server: BoundServer, dn: str, first: re.Match[str], values: list[bytes]) -> None:
    """Add the further ranges of the attribute of `first` to its `values`."""
    name, match = first[1], first
    while match[3] != "*":
        start = int(match[3]) + 1
        if start != len(values):
            raise ldap_failures.incomplete(
                server.label, f"{dn}: {name} has {len(values)} values where {start} are announced"
            )
        result = server.search(
            dn, ANY, search_scope="BASE", dereference_aliases="NEVER",
            attributes=[f"{name};range={start}-*"],
        )  # fmt: skip
        following: re.Match[str] | None = None
        if result["result"] == ldap_failures.SUCCESS:
            for entry in result["entries"]:
                for found, more in entry["raw_attributes"].items():
                    matched = _RANGE.fullmatch(found)
                    if matched and matched[1].lower() == name.lower() and int(matched[2]) == start:
                        following = matched
                        values += more
        if following is None or (following[3] != "*" and int(following[3]) < start):
            raise ldap_failures.incomplete(
                server.label, f"{dn}: the values of {name} end at number {start}"
            )
        match = following
