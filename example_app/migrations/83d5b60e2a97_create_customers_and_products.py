"""create customers and products

Revision ID: 83d5b60e2a97
Revises: 1f4a07c93be2
Create Date: 2026-09-09 14:03:27.905113

"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "83d5b60e2a97"
down_revision: str | Sequence[str] | None = "1f4a07c93be2"
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
    op.create_table(
        "customers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("email", sa.String(120), nullable=False),
        sa.Column("fax", sa.String(40), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
        sa.UniqueConstraint("email", name=op.f("uq_customers_email")),
    )
    op.create_table(
        "products",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("price_cents", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
    )


def downgrade_default() -> None:
    """Downgrade default schema."""
    op.drop_table("products")
    op.drop_table("customers")


def upgrade_audit() -> None:
    """Upgrade audit schema."""
    pass


def downgrade_audit() -> None:
    """Downgrade audit schema."""
    pass
