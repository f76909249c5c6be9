"""Store unique names in lower case instead of case-folded: `strauß` is not `strauss`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.model.ids import UNIQUE_ATTRIBUTE, fold_name
from scimsync.state.json_values import load_document

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_BATCH = 1000

_HAS_OTHER_LETTERS = {
    "sqlite": "length(document) < length(CAST(document AS BLOB))",
    "postgresql": "char_length(document) < octet_length(document)",
}
"""The links whose names may differ in the two forms: with letters other than those of ASCII."""

_LINK = sa.table("link", *map(sa.column, ("target", "kind", "key", "document", "unique_name")))


def upgrade() -> None:
    connection = op.get_bind()
    columns = _LINK.c
    rows = connection.execute(
        sa.select(columns.target, columns.kind, columns.key, columns.document).where(
            columns.unique_name.is_not(None), sa.text(_HAS_OTHER_LETTERS[connection.dialect.name])
        )
    ).all()
    renamed = [
        {"t": target, "k": kind, "id": key, "name": fold_name(load_document(document).get(unique))}
        for target, kind, key, document in rows
        if (unique := UNIQUE_ATTRIBUTE.get(kind)) is not None
    ]
    for start in range(0, len(renamed), _BATCH):
        connection.execute(
            sa.update(_LINK)
            .where(
                columns.target == sa.bindparam("t"),
                columns.kind == sa.bindparam("k"),
                columns.key == sa.bindparam("id"),
            )
            .values(unique_name=sa.bindparam("name")),
            renamed[start : start + _BATCH],
        )
