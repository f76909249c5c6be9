"""`[sources.NAME]` with `type = "ldif"`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from scimsync.settings import Text, invalid
from scimsync.sources.base import Source, SourceSpec
from scimsync.sources.directory import ldap_filters
from scimsync.sources.directory.attribute_types import AttributeTypes
from scimsync.sources.directory.settings import DirectorySettings, FilterText
from scimsync.sources.workspace import Workspace

_EXTENSIONS = (".ldif", ".ldif.gz")


def _path(text: str) -> str:
    if "\0" in text:
        raise invalid("a file name cannot contain a NUL character", code="SYNC-0123")
    return text


def _evaluated(text: str) -> str:
    try:
        ldap_filters.compiled(ldap_filters.parse(text), AttributeTypes())
    except ldap_filters.LdapFilterError as error:
        raise invalid(
            f"the filter cannot be evaluated on a file: {error}", code="SYNC-0253"
        ) from None
    return text


class LdifSettings(DirectorySettings):
    """`[sources.NAME]`: the entries of LDIF files that match a filter."""

    type: Literal["ldif"] = Field(description="Kind of source")
    path: Annotated[Text, AfterValidator(_path)] = Field(
        description=(
            "LDIF file, perhaps compressed by gzip, relative to the folder of sync.toml; a pattern"
            " such as export-*.ldif is one directory"
        ),
        examples=["directory.ldif"],
    )
    filter: Annotated[FilterText, AfterValidator(_evaluated)] | None = Field(
        None,
        description="Which entries are records; those that have the key if omitted",
        examples=["(objectClass=inetOrgPerson)"],
    )
    nested: bool = Field(
        True, description="Whether the members of groups within groups count as members"
    )

    @classmethod
    def from_location(cls, location: str) -> Mapping[str, object] | None:
        """Return the options that the path of an LDIF file stands for."""
        return {"path": location} if location.lower().endswith(_EXTENSIONS) else None

    def open(self, spec: SourceSpec[Any], workspace: Workspace) -> Source:
        """Find the files and read no more of them than their first bytes."""
        from scimsync.sources.ldif.source import LdifSource

        return LdifSource(spec, workspace)

    def watch(self, spec: SourceSpec[Any]) -> tuple[str, ...]:  # noqa: ARG002
        """Return `path`."""
        return (self.path,)
