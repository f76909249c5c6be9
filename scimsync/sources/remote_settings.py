"""The options of sources that read a list over HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from scimsync.settings.registered import registered_table, schema_mark
from scimsync.sources.base import SourceSettings
from scimsync.transport.auth import AuthenticatorSettings


class RemoteSettings(SourceSettings):
    """The base class of the settings models of such sources."""

    auth: (
        Annotated[
            AuthenticatorSettings,
            registered_table("authenticators", show=False),
            schema_mark("authenticators"),
        ]
        | None
    ) = Field(None, description="How scimsync proves its identity; nothing is sent if omitted")
    timeout: float = Field(
        30.0,
        gt=0,
        le=600,
        description="Seconds without any data after which a request counts as failed",
    )
