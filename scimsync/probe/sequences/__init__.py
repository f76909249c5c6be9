"""The sequences of the providers, by the words for `--as`.

To add one, write a module with a `ProviderSequence` (see `scimsync.probe.sequence`), its checks in
`scimsync/probe/checks/`, and one line in `SEQUENCES`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from scimsync import __version__
from scimsync.probe.checks import known_checks
from scimsync.probe.sequence import ProviderSequence
from scimsync.probe.sequences.entra import ENTRA, ENTRA_LEGACY
from scimsync.probe.sequences.entra.validator import ENTRA_VALIDATOR
from scimsync.probe.sequences.interop_profile import INTEROP
from scimsync.probe.sequences.jumpcloud_integration import JUMPCLOUD
from scimsync.probe.sequences.okta import OKTA, OKTA_PUT
from scimsync.probe.sequences.rfc import RFC
from scimsync.probe.values import Check
from scimsync.registry import Registry

SEQUENCES: Final[Registry[ProviderSequence]] = Registry(
    "sequence of a provider",
    {
        one.name: one
        for one in (
            RFC,
            OKTA,
            OKTA_PUT,
            ENTRA,
            ENTRA_LEGACY,
            ENTRA_VALIDATOR,
            JUMPCLOUD,
            INTEROP,
        )
    },
)

PLAIN: Final = ProviderSequence(
    name="scimsync",
    title="scimsync",
    user_agent=f"scimsync-probe/{__version__}",
    headers=(("Accept", "application/scim+json, application/json"),),
    resources=(),
    steps=(),
)
"""How requests look that belong to no provider, such as those that clean up."""


def checks_of(sequences: Registry[ProviderSequence]) -> dict[str, Check]:
    """Return all checks by their id, with the providers that depend on them."""
    return {
        name: replace(
            check,
            providers=tuple(one for one, sequence in sequences.items() if name in sequence.checks),
        )
        for name, check in known_checks().items()
    }
