"""Remember which leavers may still have access."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_MARKED = sa.text("may_have_access_since IS NOT NULL")


def upgrade() -> None:
    op.add_column("link", sa.Column("may_have_access_since", sa.DateTime(), nullable=True))
    op.create_index(
        "ix_link_may_have_access",
        "link",
        ["target", "kind", "key"],
        sqlite_where=_MARKED,
        postgresql_where=_MARKED,
    )
