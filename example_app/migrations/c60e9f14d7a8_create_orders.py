"""create orders

Revision ID: c60e9f14d7a8
Revises: 83d5b60e2a97
Create Date: 2026-09-14 10:47:55.160482

"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "c60e9f14d7a8"
down_revision: str | Sequence[str] | None = "83d5b60e2a97"
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
        "orders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column(
            "placed_at", sa.DateTime(), server_default=sa.func.current_timestamp(), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_orders_customer_id_customers")
        ),
    )
    op.create_table(
        "order_lines",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price_cents", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_lines")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_order_lines_order_id_orders")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("fk_order_lines_product_id_products")
        ),
    )


def downgrade_default() -> None:
    """Downgrade default schema."""
    op.drop_table("order_lines")
    op.drop_table("orders")


def upgrade_audit() -> None:
    """Upgrade audit schema."""
    pass


def downgrade_audit() -> None:
    """Downgrade audit schema."""
    pass
