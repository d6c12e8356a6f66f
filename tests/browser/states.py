"""States of a shop that only tests need, beside those of the demo."""

from __future__ import annotations

import typing as t

from example_app.demo import Demo
from example_app.demo import HEAD
from example_app.demo import Shop
from example_app.panel import alembic
from flask_alembic_admin.core.verification.check import keep_verification

if t.TYPE_CHECKING:
    from .conftest import OpenedShop

#: Revisions that come after all others, one after the other.
FIRST, SECOND, THIRD = "c3d9a1e4f702", "d4e0b2f5a813", "e5f1c306b924"

# A plan runs this body too, and shall not wait; a run whose test has failed ends in the end.
_WAIT = (
    "op.get_context().as_sql or any("
    "__import__('os').path.exists(__file__ + '.open') or time.sleep(0.02) for _ in range(1500)"
    ") and __import__('logging').warning('It was let go.')"
)


def let_go(shop: OpenedShop, revision: str) -> None:
    """Let a run go on that waits in a step.

    :param shop: Where it runs.
    :param revision: The revision of the step.
    """
    (file,) = shop.made.shop.revisions.glob(f"{revision}_*.py")
    file.with_name(f"{file.name}.open").touch()


def _up_to_date(shop: Shop) -> None:
    alembic.upgrade("heads")


def _verified(shop: Shop) -> None:
    _up_to_date(shop)
    shop.write(
        FIRST, HEAD, "add gift cards", "op.create_table('gift_cards', sa.Column('a', sa.Integer))"
    )
    keep_verification(alembic.project, alembic.verify(), "ada")


def _harmless(shop: Shop) -> None:
    _up_to_date(shop)
    shop.write(
        FIRST, HEAD, "add gift cards", "op.create_table('gift_cards', sa.Column('a', sa.Integer))"
    )


def _fails(shop: Shop) -> None:
    _harmless(shop)
    shop.write(
        SECOND,
        FIRST,
        "charge gift cards",
        "op.add_column('no_such_table', sa.Column('a', sa.Integer))",
    )
    shop.write(THIRD, SECOND, "sell gift cards", "pass")


def _waits(shop: Shop) -> None:
    _up_to_date(shop)
    shop.write(FIRST, HEAD, "count gift cards", _WAIT)
    shop.write(SECOND, FIRST, "sell gift cards", _WAIT)
    # A second person who may do the same.
    shop.execute("UPDATE users SET is_admin = 1")


STATES: dict[str, Demo] = {
    "harmless": Demo("An upgrade drops nothing.", _harmless, own_files=True),
    "fails": Demo("The second of three steps will fail.", _fails, own_files=True),
    "waits": Demo("Each of two steps waits to be let go.", _waits, own_files=True),
    "verified": Demo("Downgrades were verified.", _verified, own_files=True),
    "own-files": Demo("Files may be written.", _up_to_date, own_files=True),
}
