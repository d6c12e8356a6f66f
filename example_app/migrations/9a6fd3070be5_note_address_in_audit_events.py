"""note address in audit events

Revision ID: 9a6fd3070be5
Revises: f81e2c6754ab
Create Date: 2026-10-20 10:02:46.113859

"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "9a6fd3070be5"
down_revision: str | Sequence[str] | None = "f81e2c6754ab"
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
    op.add_column("audit_events", sa.Column("address", sa.String(45), nullable=True))


def downgrade_audit() -> None:
    """Downgrade audit schema."""
    op.drop_column("audit_events", "address")
