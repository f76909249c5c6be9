"""Find the links that failed last without reading all others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_IS_FAILING = sa.text("failures > 0 OR next_try_at IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_link_failing",
        "link",
        ["target", "kind", "key"],
        sqlite_where=_IS_FAILING,
        postgresql_where=_IS_FAILING,
    )
