"""fill status of past orders

Revision ID: 460bd92ce8f7
Revises: a7c35e1f9042
Create Date: 2026-10-13 09:05:50.297338

"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "460bd92ce8f7"
down_revision: str | Sequence[str] | None = "a7c35e1f9042"
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
    op.get_bind().execute(
        sa.text("UPDATE orders SET status = :status WHERE status IS NULL"),
        {"status": "delivered"},
    )


def downgrade_default() -> None:
    """Downgrade default schema."""
    op.get_bind().execute(
        sa.text("UPDATE orders SET status = NULL WHERE status = :status"),
        {"status": "delivered"},
    )


def upgrade_audit() -> None:
    """Upgrade audit schema."""
    pass


def downgrade_audit() -> None:
    """Downgrade audit schema."""
    pass
