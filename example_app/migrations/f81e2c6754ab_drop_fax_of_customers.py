"""drop fax of customers

Revision ID: f81e2c6754ab
Revises: 2d8f6ab051c4
Create Date: 2026-10-15 15:18:23.864710

"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "f81e2c6754ab"
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
    op.drop_column("customers", "fax")


def downgrade_default() -> None:
    """Downgrade default schema."""
    op.add_column("customers", sa.Column("fax", sa.String(40), nullable=True))


def upgrade_audit() -> None:
    """Upgrade audit schema."""
    pass


def downgrade_audit() -> None:
    """Downgrade audit schema."""
    pass
