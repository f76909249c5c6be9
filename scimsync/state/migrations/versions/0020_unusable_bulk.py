"""Keep why a target cannot be sent bulk requests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scimsync.state.column_types import TEXT, UTCDateTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("target", sa.Column("bulk_unusable", TEXT))
    op.add_column("target", sa.Column("bulk_unusable_at", UTCDateTime()))
