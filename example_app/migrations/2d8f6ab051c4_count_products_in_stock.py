"""count products in stock

Revision ID: 2d8f6ab051c4
Revises: e94103cb6f5d
Create Date: 2026-10-05 08:55:18.436027

"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "2d8f6ab051c4"
down_revision: str | Sequence[str] | None = "e94103cb6f5d"
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
    op.add_column("products", sa.Column("stock", sa.Integer(), server_default="0", nullable=False))


def downgrade_default() -> None:
    """Downgrade default schema."""
    op.drop_column("products", "stock")


def upgrade_audit() -> None:
    """Upgrade audit schema."""
    pass


def downgrade_audit() -> None:
    """Downgrade audit schema."""
    pass
