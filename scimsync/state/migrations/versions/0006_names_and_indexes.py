"""Rename tables and columns; add indexes for plans of many operations."""

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
    for name, columns in (
        ("open", ["target", "status", "kind", "key"]),
        ("unique_name", ["run_id", "target", "kind", "unique_name"]),
    ):
        op.drop_index(f"ix_operation_{name}", "operation")
        op.create_index(f"ix_operation_{name}", "operation", columns)
    op.create_index("ix_operation_planned", "operation", ["run_id", "target", "kind", "key"])
    op.create_index(
        "ix_operation_remote_id", "operation", ["run_id", "target", "kind", "remote_id"]
    )
