"""add status to orders

Revision ID: a7c35e1f9042
Revises: 2d8f6ab051c4
Create Date: 2026-10-12 13:40:02.581946

"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "a7c35e1f9042"
down_revision: str | Sequence[str] | None = "2d8f6ab051c4"
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
    op.add_column("orders", sa.Column("status", sa.String(20), nullable=True))


def downgrade_default() -> None:
    """Downgrade default schema."""
    op.drop_column("orders", "status")


def upgrade_audit() -> None:
    """Upgrade audit schema."""
    pass


def downgrade_audit() -> None:
    """Downgrade audit schema."""
    pass
