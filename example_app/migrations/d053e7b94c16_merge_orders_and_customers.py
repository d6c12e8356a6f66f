"""merge orders and customers

Revision ID: d053e7b94c16
Revises: 460bd92ce8f7, 9a6fd3070be5
Create Date: 2026-10-26 17:26:11.690525

"""

from collections.abc import Sequence

revision: str = "d053e7b94c16"
down_revision: str | Sequence[str] | None = ("460bd92ce8f7", "9a6fd3070be5")
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
    pass


def downgrade_audit() -> None:
    """Downgrade audit schema."""
    pass
