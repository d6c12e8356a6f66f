"""create audit events

Revision ID: 5b27ae80f3d1
Revises: c60e9f14d7a8
Create Date: 2026-09-18 16:30:09.772390

"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "5b27ae80f3d1"
down_revision: str | Sequence[str] | None = "c60e9f14d7a8"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade(engine_name: str) -> None:
    """Upgrade one database."""
    globals()[f"upgrade_{engine_name}"]()


def downgrade(engine_name: str) -> None:
    """Downgrade one database."""
    globals()[f"downgrade_{engine_name}"]()


def upgrade_default() -> None:
    """Upgrade default schema."""
    pass


def downgrade_default() -> None:
    """Downgrade default schema."""
    pass


def upgrade_audit() -> None:
    """Upgrade audit schema."""
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "happened_at", sa.DateTime(), server_default=sa.func.current_timestamp(), nullable=False
        ),
        sa.Column("actor", sa.String(40), nullable=False),
        sa.Column("action", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )


def downgrade_audit() -> None:
    """Downgrade audit schema."""
    op.drop_table("audit_events")
