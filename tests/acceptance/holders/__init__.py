"""The kinds of source that hold the made-up company, by name."""

from __future__ import annotations

from tests.acceptance.holders import databases, files, presets
from tests.acceptance.holders.holder import Holder

HOLDERS: dict[str, Holder] = {**files.HOLDERS, **databases.HOLDERS, **presets.HOLDERS}
