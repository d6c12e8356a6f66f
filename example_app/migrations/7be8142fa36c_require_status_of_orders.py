"""require status of orders

Revision ID: 7be8142fa36c
Revises: d053e7b94c16
Create Date: 2026-11-03 12:14:37.228093

"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "7be8142fa36c"
down_revision: str | Sequence[str] | None = "d053e7b94c16"
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
    with op.batch_alter_table("orders") as orders:
        orders.alter_column("status", existing_type=sa.String(20), nullable=False)


def downgrade_default() -> None:
    """Downgrade default schema."""
    with op.batch_alter_table("orders") as orders:
        orders.alter_column("status", existing_type=sa.String(20), nullable=True)


def upgrade_audit() -> None:
    """Upgrade audit schema."""
    pass


def downgrade_audit() -> None:
    """Downgrade audit schema."""
    pass
