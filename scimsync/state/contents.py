"""Find out which kinds of rows a target has, so that a run does not look for other kinds."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, exists, select

from scimsync.model.ids import Kind
from scimsync.state.tables.link_tables import link, pin, reference


@dataclass(frozen=True, slots=True)
class Contents:
    """Whether a target has any links of groups, any pins, and any references."""

    groups: bool
    pins: bool
    references: bool


UNKNOWN_CONTENTS = Contents(groups=True, pins=True, references=True)
"""For a target that may have rows of all kinds."""


def get_contents(connection: Connection, target: str) -> Contents:
    """Return the contents of a target at the start of a run, which holds its lease."""
    return Contents(
        *connection.execute(
            select(
                exists().where(link.c.target == target, link.c.kind == Kind.GROUP),
                exists().where(pin.c.target == target),
                exists().where(reference.c.target == target),
            )
        ).one()
    )
