"""index orders by date

Revision ID: e94103cb6f5d
Revises: 5b27ae80f3d1
Create Date: 2026-09-29 11:21:34.049671

"""

from collections.abc import Sequence

from alembic import op

revision: str = "e94103cb6f5d"
down_revision: str | Sequence[str] | None = "5b27ae80f3d1"
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
    op.create_index(op.f("ix_orders_placed_at"), "orders", ["placed_at"])


def downgrade_default() -> None:
    """Downgrade default schema."""
    op.drop_index(op.f("ix_orders_placed_at"), table_name="orders")


def upgrade_audit() -> None:
    """Upgrade audit schema."""
    pass


def downgrade_audit() -> None:
    """Downgrade audit schema."""
    pass
