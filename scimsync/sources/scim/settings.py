"""`[sources.NAME]` with `type = "scim"`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from scimsync.scim.filters import parse_filter
from scimsync.scim.grammar import FilterError
from scimsync.settings import BaseUrl, Text, Texts, invalid
from scimsync.sources.base import Source, SourceSpec
from scimsync.sources.remote_settings import RemoteSettings
from scimsync.sources.workspace import Workspace


def _filter(text: str) -> str:
    try:
        parse_filter(text)
    except FilterError as error:
        raise invalid(
            f"is not a SCIM filter: {error}", hint="such as active eq true", code="SYNC-0275"
        ) from None
    return text


class ScimSettings(RemoteSettings):
    """`[sources.NAME]`: the users or groups of a SCIM service provider."""

    type: Literal["scim"] = Field(description="Kind of source")
    url: BaseUrl = Field(
        description="The base URL of the service provider",
        examples=["https://id.example.com/scim/v2"],
    )
    resource: Literal["Users", "Groups"] = Field("Users", description="What is read")
    filter: Annotated[Text, AfterValidator(_filter)] | None = Field(
        None,
        description="A SCIM filter: only resources that match it are read",
        examples=["active eq true"],
    )
    attributes: Texts | None = Field(
        None,
        description="Attributes to request besides the id; what the service provider returns if"
        " omitted",
        examples=[["userName", "name", "emails"]],
    )
    member_key: Text = Field(
        "id",
        description="The column of users that names the members of groups, such as externalId",
    )
    page_size: Annotated[int, Field(ge=1, le=10_000)] = Field(
        100, description="Resources to request at once, if the service provider allows it"
    )

    def open(self, spec: SourceSpec[ScimSettings], workspace: Workspace) -> Source:
        """Send nothing yet: the resources are read when they are first needed."""
        from scimsync.sources.scim.source import ScimSource

        return ScimSource(spec, workspace)

    @classmethod
    def from_location(cls, location: str) -> Mapping[str, object] | None:
        """Return the options for the URL of a list: `https://id.example.com/scim/v2/Users`."""
        base, _, last = location.rstrip("/").rpartition("/")
        if not location.startswith(("https://", "http://")) or last not in ("Users", "Groups"):
            return None
        return {"url": base, "resource": last}
