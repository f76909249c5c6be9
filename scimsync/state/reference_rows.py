"""References of resources to others, such as those to managers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, select

from scimsync.model.ids import Document, Key, Kind
from scimsync.model.links import Reference
from scimsync.state.many_rows import upsert
from scimsync.state.tables.link_tables import reference


def put_references(
    connection: Connection, target: str, keys: Sequence[Key], wanted: Sequence[Reference]
) -> None:
    """Make `wanted`, with the ids that the target acknowledged, the references of `keys`."""
    connection.execute(
        delete(reference).where(reference.c.target == target, reference.c.key.in_(keys))
    )
    upsert(
        connection,
        reference,
        [
            {
                "target": target,
                "kind": item.kind,
                "key": item.key,
                "path": item.path,
                "ref_key": item.ref_key,
                "remote_id": item.remote_id,
                "ref_name": item.ref_name,
            }
            for item in wanted
        ],
    )


def acknowledge_references(
    connection: Connection, target: str, kind: Kind, documents: Mapping[Key, Document]
) -> None:
    """Store the remote ids that acknowledged documents have at the paths of references."""
    rows = connection.execute(
        select(reference).where(
            reference.c.target == target,
            reference.c.kind == kind,
            reference.c.key.in_(list(documents)),
        )
    )
    changed = [
        dict(row) | {"remote_id": documents[row["key"]].get(row["path"])}
        for row in rows.mappings()
        if documents[row["key"]].get(row["path"]) != row["remote_id"]
    ]
    upsert(connection, reference, changed)


def referrers(connection: Connection, target: str, ref_keys: Sequence[Key]) -> set[Key]:
    """Return the keys of the resources that refer to one of `ref_keys`."""
    rows = connection.scalars(
        select(reference.c.key)
        .where(reference.c.target == target, reference.c.ref_key.in_(ref_keys))
        .distinct()
    )
    return {Key(key) for key in rows}
