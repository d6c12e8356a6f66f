"""A shop to play with: some revisions applied, some pending, a little data, two users."""

from __future__ import annotations

import collections.abc as c
import datetime as dt
import secrets
import typing as t

import sqlalchemy as sa
from flask import Flask

from flask_alembic_admin import RunOptions

from .models import db
from .models import User
from .panel import alembic

#: How far a first start migrates. What comes after it is left to be done in the panel.
REVISION = "2d8f6ab051c4"
#: Who may sign in, and whether as an administrator.
USERS = {"admin": True, "dev": False}
#: Name, price in cents and number in stock.
PRODUCTS = [("Teapot", 2490, 12), ("Cup", 650, 80), ("Sugar bowl", 1120, 25), ("Tray", 1890, 9)]
#: Name and fax number.
CUSTOMERS = [("Ada", "+44 20 7946 0018"), ("Grace", None), ("Linus", "+358 9 4245 0112")]


def prepare(app: Flask) -> list[tuple[str, str]]:
    """Make the databases of a first start; later do nothing.

    :return: The name and the password of each new user.
    """
    with app.app_context():
        if sa.inspect(db.engine).has_table(User.__tablename__):
            return []

        alembic.upgrade(REVISION, options=RunOptions(actor="first start"))
        fill_shop()
        fill_audit()
        return new_passwords()


def new_passwords() -> list[tuple[str, str]]:
    """Give each user a new password, and make the users that are missing.

    :return: Names and passwords. They are kept nowhere else.
    """
    passwords = [(name, secrets.token_urlsafe(9)) for name in USERS]

    for name, password in passwords:
        user = db.session.scalar(sa.select(User).where(User.name == name))
        user = user or User(name=name, is_admin=USERS[name])
        user.set_password(password)
        db.session.add(user)

    db.session.commit()
    return passwords


def fill_shop() -> None:
    """Write some products and customers, and an order of each customer."""
    with db.engine.begin() as connection:
        tables = reflected(connection)
        products = [
            insert(connection, tables["products"], name=name, price_cents=price, stock=stock)
            for name, price, stock in PRODUCTS
        ]

        for number, (name, fax) in enumerate(CUSTOMERS):
            email = f"{name.lower()}@shop.example"
            customer = insert(connection, tables["customers"], name=name, email=email, fax=fax)
            placed_at = dt.datetime(2026, 10, 6 + number, 15, 30)
            order = insert(connection, tables["orders"], customer_id=customer, placed_at=placed_at)
            insert(
                connection,
                tables["order_lines"],
                order_id=order,
                product_id=products[number],
                quantity=number + 1,
                price_cents=PRODUCTS[number][1],
            )


def fill_audit() -> None:
    """Write the first event of the audit trail."""
    with db.engines["audit"].begin() as connection:
        events = reflected(connection)["audit_events"]
        insert(connection, events, actor="first start", action="opened the shop")


def reflected(connection: sa.Connection) -> c.Mapping[str, sa.Table]:
    """Return the tables as they are now; the models are ahead of them."""
    metadata = sa.MetaData()
    metadata.reflect(connection)
    return metadata.tables


def insert(connection: sa.Connection, table: sa.Table, **values: t.Any) -> int:
    """Write one row and return its id."""
    key = connection.execute(table.insert().values(values)).inserted_primary_key
    assert key is not None
    return int(key[0])
