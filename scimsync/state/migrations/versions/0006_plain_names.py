"""Names of tables and columns: in_doubt, replaced_record, alert, notification, checkpoint."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("link", "membership", "replaced_membership"):
        # Alembic would copy the table on SQLite
        op.execute(f"ALTER TABLE {table} RENAME COLUMN doubtful TO in_doubt")
    op.rename_table("replaced", "replaced_record")
    op.rename_table("trouble", "alert")
    op.drop_index("ix_notice_next_try_at", "notice")
    op.rename_table("notice", "notification")
    op.create_index("ix_notification_next_try_at", "notification", ["next_try_at"])
    op.rename_table("mark", "checkpoint")
