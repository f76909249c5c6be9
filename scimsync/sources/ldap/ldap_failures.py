"""What failures of LDAP mean for a source: try again, or edit something."""

from __future__ import annotations

from scimsync.errors import ScimsyncError, SourceFormatError, SourceUnavailable
from scimsync.formatting import one_line

SUCCESS = 0
SIZE_LIMIT_EXCEEDED = 4
REFERRAL = 10
NO_SUCH_OBJECT = 32
NO_ENTRY = (NO_SUCH_OBJECT, 34, 50)
"""Result codes (RFC 4511, appendix A.2) of an entry that is not there or must not be read."""

_TRY_AGAIN = (3, 51, 52, 80)  # time limit, busy, unavailable, other
_LIMITS = (SIZE_LIMIT_EXCEEDED, 11)  # and the administrator's limit
_CREDENTIALS = (7, 8, 13, 48, 49)

_OF_ACTIVE_DIRECTORY = {
    "525": "the account does not exist",
    "52e": "the password is wrong",
    "530": "the account may not log on at this time",
    "531": "the account may not log on from this machine",
    "532": "the password has expired",
    "533": "the account is disabled",
    "701": "the account has expired",
    "773": "the password has to be changed first",
    "775": "the account is locked",
}
"""The codes after "data" in the message about a failed bind (Windows error codes, in hex)."""


def unavailable(label: str, reason: str) -> SourceUnavailable:
    """Return the error for a server that cannot be read now."""
    return SourceUnavailable(
        f"{label} cannot be read: {reason}", hint="try again later", code="SYNC-0250"
    )


def incomplete(label: str, reason: str) -> SourceUnavailable:
    """Return the error for a server that did not send all entries."""
    return SourceUnavailable(
        f"{label}: {reason}, so entries may be missing",
        hint="try again; if the problem persists, set another page_size",
        code="SYNC-0256",
    )


def of_result(label: str, place: str, code: int, name: str, message: str) -> ScimsyncError:
    """Return the error for the result `code`, called `name`, of a search below `place`.

    `place` begins a message about the option that names it.
    """
    said = f"{name}{_said(message)}"
    if code in _TRY_AGAIN:
        return unavailable(label, said)
    if code in _LIMITS:
        return SourceFormatError(
            f"{label} sends no more entries: {said}",
            hint=(
                "raise the limit of the server for bind_dn, lower page_size, or narrow the filter"
            ),
            code="SYNC-0255",
        )
    if code == NO_SUCH_OBJECT:
        return SourceFormatError(
            f"{place}: there is no such entry, or it must not be read: {said}",
            hint="correct base, or let bind_dn read it",
            code="SYNC-0252",
        )
    return SourceFormatError(
        f"{label} refuses the search: {said}",
        hint="check base, filter, page_size, and the rights of bind_dn",
        code="SYNC-0251" if code in (1, 50, *_CREDENTIALS) else "SYNC-0252",
    )


def of_bind(label: str, place: str, code: int, name: str, message: str) -> ScimsyncError:
    """Return the error for a bind that the server answers with the result `code`."""
    if code in _TRY_AGAIN:
        return unavailable(label, f"{name}{_said(message)}")
    _, found, rest = message.partition("data ")
    why = _OF_ACTIVE_DIRECTORY.get(rest.partition(",")[0].strip().lower()) if found else None
    return SourceFormatError(
        f"{place}: {label} refuses the account: {why or f'{name}{_said(message)}'}",
        hint="check bind_dn and the secret that password refers to",
        code="SYNC-0251",
    )


def _said(message: str) -> str:
    text = one_line(message.replace("\0", "").strip())
    return f" ({text})" if text else ""
