"""The outcome for users who were deprovisioned by hand, as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from scimsync.formatting import printable
from scimsync.model.ids import Key
from scimsync.run.deprovisioned import AccessAt, AccessStatus


def access_document(access: Mapping[Key, Sequence[AccessAt]]) -> dict[str, object]:
    """Return the part `users` of `deprovision --json`."""
    return {
        key: {
            one.target: {
                "status": one.status.value,
                "remote_id": one.remote_id,
                "detail": one.detail,
            }
            for one in some
        }
        for key, some in access.items()
    }


def print_access(access: Mapping[Key, Sequence[AccessAt]], *, quiet: bool) -> None:
    """Print `00002 at wiki: deactivated (account id-5)` for each user and target.

    If `quiet`, print only open outcomes.
    """
    for key, some in access.items():
        for one in some:
            unsettled = one.status is AccessStatus.UNSETTLED
            if unsettled or not quiet:
                color = "red" if unsettled else None
                click.secho(printable(f"{key} at {one.target}: {one.text}"), fg=color)
