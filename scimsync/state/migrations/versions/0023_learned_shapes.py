"""Keep which shapes of requests a target takes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.state.column_types import TEXT

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("target", sa.Column("shapes", TEXT))
