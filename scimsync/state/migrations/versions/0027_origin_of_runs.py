"""Record who started a run, where, with which options, version and configuration."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.state.column_types import NAME, TEXT

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("user", "host", "version", "config_digest"):
        op.add_column("run", sa.Column(name, NAME))
    op.add_column("run", sa.Column("options", TEXT))
