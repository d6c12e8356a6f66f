"""The shop's only page."""

from __future__ import annotations

import contextlib

import sqlalchemy as sa
from flask import Blueprint
from flask import render_template

from .models import db
from .models import Product

shop = Blueprint("shop", __name__)


@shop.get("/")
def home() -> str:
    """Show what there is to buy, and the way to the panel."""
    return render_template("example_app/home.html", products=products())


def products() -> list[tuple[str, int]] | None:
    """Return names and prices, or None where the database cannot tell.

    Not whole products: the model has a column that no database has yet.
    """
    query = sa.select(Product.name, Product.price_cents).order_by(Product.name)

    with contextlib.suppress(sa.exc.SQLAlchemyError), db.engine.connect() as connection:
        return [(name, price_cents) for name, price_cents in connection.execute(query)]

    return None
