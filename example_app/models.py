"""The shop's tables. Those of the audit trail live in a database of their own."""

from __future__ import annotations

import datetime as dt
import typing as t

import sqlalchemy as sa
from flask_login import UserMixin
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import mapped_column
from werkzeug.security import check_password_hash
from werkzeug.security import generate_password_hash


class Base(DeclarativeBase):
    """What all tables share: every constraint has a name, so that a revision can drop it."""

    metadata = sa.MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        }
    )


db = SQLAlchemy(model_class=Base)

if t.TYPE_CHECKING:
    # For a type checker db.Model is a value, of which there are no subclasses.
    Model = Base
else:
    Model = db.Model


class User(UserMixin, Model):  # type: ignore[misc]
    """Somebody who may sign in.

    Only columns of the first revision: signing in works while the rest is half migrated.
    """

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(40), unique=True)
    password_hash: Mapped[str] = mapped_column(sa.String(255))
    is_admin: Mapped[bool] = mapped_column(default=False)

    def set_password(self, password: str) -> None:
        """Keep the hash of a password, never the password."""
        self.password_hash = generate_password_hash(password)

    def has_password(self, password: str) -> bool:
        """Tell whether this is the user's password."""
        return check_password_hash(self.password_hash, password)


class Customer(Model):
    """Somebody who orders."""

    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    email: Mapped[str] = mapped_column(sa.String(120), unique=True)


class Product(Model):
    """Something to order."""

    __tablename__ = "products"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    price_cents: Mapped[int]
    stock: Mapped[int] = mapped_column(server_default="0")
    # On purpose no revision adds this one: the panel shows it as the difference it is.
    weight_grams: Mapped[int | None]


class Order(Model):
    """What a customer ordered at one time."""

    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey(Customer.id))
    placed_at: Mapped[dt.datetime] = mapped_column(
        server_default=sa.func.current_timestamp(), index=True
    )
    status: Mapped[str] = mapped_column(sa.String(20), default="new")


class OrderLine(Model):
    """One product within an order, at the price of that day."""

    __tablename__ = "order_lines"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey(Order.id))
    product_id: Mapped[int] = mapped_column(sa.ForeignKey(Product.id))
    quantity: Mapped[int]
    price_cents: Mapped[int]


class AuditEvent(Model):
    """Something that somebody did in the shop."""

    __bind_key__ = "audit"
    __tablename__ = "audit_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    happened_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.current_timestamp())
    actor: Mapped[str] = mapped_column(sa.String(40))
    action: Mapped[str] = mapped_column(sa.String(80))
    address: Mapped[str | None] = mapped_column(sa.String(45))
