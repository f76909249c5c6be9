"""The kinds of source that hold the made-up company, by name."""

from __future__ import annotations

from tests.acceptance.holders import databases, directory, files, presets, scim_server
from tests.acceptance.holders.holder import Holder

HOLDERS: dict[str, Holder] = {
    **files.HOLDERS,
    **databases.HOLDERS,
    **directory.HOLDERS,
    **scim_server.HOLDERS,
    **presets.HOLDERS,
}
