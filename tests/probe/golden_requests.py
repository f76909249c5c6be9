"""The requests of a provider's sequence, as the golden files have them.

`python -m tests.probe.golden_requests NAME...` writes the files.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scimsync.probe.run import ProbeOptions, probe
from scimsync.probe.values import Exchange, RequestPurpose
from tests.probe.conftest import RUN, origin_of
from tests.servers.defects import running_provider

GOLDEN = Path(__file__).parent / "golden"
_PUBLISHED = ("okta", "okta-put")
"""The providers whose User-Agent is published; the others have that of scimsync."""


def requests_of(provider: str) -> list[dict[str, Any]]:
    """Return the requests that a provider sends to an empty server that accepts all."""
    with running_provider() as server, tempfile.TemporaryDirectory() as folder:
        options = ProbeOptions(
            (provider,), Path(folder), RUN, now=lambda: datetime(2026, 11, 29, tzinfo=UTC)
        )
        report = asyncio.run(probe(origin_of(server.url, server.token), options))
    hidden = {"Authorization"} if provider in _PUBLISHED else {"Authorization", "User-Agent"}
    return [
        _shown(one, server.url, hidden)
        for one in report.exchanges
        if one.purpose is RequestPurpose.SEQUENCE
    ]


def _shown(one: Exchange, url: str, hidden: set[str]) -> dict[str, Any]:
    body = (one.request_body or "").replace(url, "https://app.example.com/v2")
    return {
        "step": one.step,
        "request": f"{one.method} {one.path}",
        "headers": {name: value for name, value in one.request_headers if name not in hidden},
        "body": json.loads(body) if body else None,
    }


def golden_text(provider: str) -> str:
    """Return the content of a golden file."""
    return json.dumps(requests_of(provider), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name in sys.argv[1:]:
        (GOLDEN / f"{name}.json").write_text(golden_text(name), "utf-8")
