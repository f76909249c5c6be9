"""Requests as Okta sends them.

okta/okta-developer-docs at 468de9c (2026-08-21), read 2026-11-29:

- docs/reference/scim/scim-20: what Okta sends to applications of its catalog (`okta`), which are
  changed by PUT and PATCH, and to those of its App Integration Wizard (`okta-put`), which are
  changed by PUT only.
- public/standards/SCIM/SCIMFiles/Okta-SCIM-20-SPEC-Test.json: the test that an application has to
  pass before Okta publishes it, step by step (`spec_test.py`).

Okta never deletes a user.
"""

from __future__ import annotations

from typing import Final

from scimsync.probe.sequence import GROUPS, MadeResource, ProviderSequence
from scimsync.probe.sequences.okta.catalog import CATALOG
from scimsync.probe.sequences.okta.spec_test import SPEC_TEST
from scimsync.probe.sequences.okta.wizard import WIZARD

_USER_AGENT: Final = "Okta SCIM Client 1.0.0"
_HEADERS: Final = (
    ("Accept", "application/scim+json"),
    ("Content-Type", "application/scim+json; charset=utf-8"),
)

OKTA: Final = ProviderSequence(
    name="okta",
    title="Okta",
    user_agent=_USER_AGENT,
    headers=_HEADERS,
    resources=(
        MadeResource("assigned"),
        MadeResource("user"),
        MadeResource("other"),
        MadeResource("group", GROUPS),
    ),
    steps=(*CATALOG.before_test, *SPEC_TEST, *CATALOG.after_test),
)

OKTA_PUT: Final = ProviderSequence(
    name="okta-put",
    title="Okta (App Integration Wizard)",
    user_agent=_USER_AGENT,
    headers=_HEADERS,
    resources=(MadeResource("user"), MadeResource("other"), MadeResource("group", GROUPS)),
    steps=WIZARD,
)
