"""The options that sources of directory entries share, and the types of their fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from scimsync.settings import Text, Texts, invalid
from scimsync.settings.text_types import quoted
from scimsync.sources.base import SourceSettings
from scimsync.sources.directory import ldap_filters
from scimsync.sources.directory.attribute_types import base_name

DISABLED_COLUMN = "disabled"
"""The column that is derived from userAccountControl."""

ALL = ("*", "+")
"""All attributes of users, and all operational ones (RFC 4511, section 4.5.1.8; RFC 3673)."""


def _filter(text: str) -> str:
    try:
        ldap_filters.parse(text)
    except ldap_filters.LdapFilterError as error:
        raise invalid(
            f"{quoted(text)} is not an LDAP filter: {error}",
            hint='write it as in "(&(objectClass=person)(mail=*))"',
            code="SYNC-0253",
        ) from None
    return text


FilterText = Annotated[Text, AfterValidator(_filter)]
"""A filter in the notation of RFC 4515."""


class DirectorySettings(SourceSettings):
    """The options of a source of directory entries."""

    attributes: Texts | None = Field(
        None,
        description="The attributes that become columns; all if omitted",
        examples=[["uid", "cn", "mail", "memberOf"]],
    )
    single: Texts | None = Field(
        None,
        description=(
            "Attributes that become text although they may have several values; an entry that has"
            " several is reported and left out"
        ),
        examples=[["uid", "mail"]],
    )
    references: Mapping[Text, Text] = Field(
        default_factory=dict,
        description=(
            "Columns of DNs -> the attribute of the named entries that replaces the DN;"
            " the key if omitted"
        ),
        examples=[{"member": "uid", "memberOf": "cn"}],
    )

    @model_validator(mode="after")
    def _names_columns(self) -> Self:
        if self.attributes is None or set(ALL).intersection(self.attributes):
            return self
        known = {base_name(name) for name in (*self.attributes, self.key)}
        for option, names in (("single", self.single or ()), ("references", self.references)):
            for name in names:
                if base_name(name) not in known:
                    raise invalid(
                        f"names {quoted(name)}, which is not in attributes",
                        hint=f"add it to attributes, or remove it from {option}",
                        code="SYNC-0264",
                        below=(option,),
                    )
        return self
