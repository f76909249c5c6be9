"""Accounts that exist at a target, with details that show people whose they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scimsync.model.ids import RemoteId, fold_case
from scimsync.scim.attributes import MAX_NAME, read, resource_id
from scimsync.targets.shown_resources import active_of

_MAX_EMAILS = 10
"""The number of e-mail addresses of one account that are kept."""


@dataclass(frozen=True, slots=True)
class ExistingAccount:
    """An account as its target shows it. Texts are None or empty where it shows none.

    `name` is its displayName, or else its full name. `full_name` is its given and family name.
    `protected_by` is the filter of `protect` that it matches, and `created` the time of its
    creation as the target writes it.
    """

    remote_id: RemoteId
    user_name: str | None = None
    name: str | None = None
    full_name: str | None = None
    external_id: str | None = None
    active: bool | None = None
    emails: tuple[str, ...] = ()
    user_type: str | None = None
    created: str | None = None
    protected_by: str | None = None

    @property
    def label(self) -> str:
        """A short name for it: its userName, or else its id."""
        return self.user_name or self.remote_id

    def order(self) -> tuple[str, str]:
        """Return the sort key of accounts."""
        return fold_case(self.label), self.remote_id


def existing_account(resource: Mapping[str, Any], protected_by: str | None) -> ExistingAccount:
    """Return a User resource as an account, given the filter that protects it, if any."""
    parts = _object(read(resource, "name"))
    full_name: str | None = " ".join(
        text for part in ("givenName", "familyName") if (text := _text(read(parts, part)))
    )
    full_name = full_name or _text(read(parts, "formatted"))
    name = _text(read(resource, "displayName"))
    return ExistingAccount(
        remote_id=RemoteId(resource_id(resource) or ""),
        user_name=_text(read(resource, "userName")),
        name=full_name if name in (None, full_name) else name,
        full_name=full_name,
        external_id=_text(read(resource, "externalId")),
        active=active_of(resource),
        emails=tuple(_emails(read(resource, "emails"))),
        user_type=_text(read(resource, "userType")),
        created=_text(read(_object(read(resource, "meta")), "created")),
        protected_by=protected_by,
    )


def _emails(value: object) -> Iterator[str]:
    elements = value if isinstance(value, list) else []
    for element in elements[:_MAX_EMAILS]:
        text = _text(read(element, "value") if isinstance(element, Mapping) else element)
        if text is not None:
            yield text


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    """Return a text or number as text of a bounded length, and None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip()[:MAX_NAME] or None
