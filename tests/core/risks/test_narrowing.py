from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql

from flask_alembic_admin.core.risks.narrowing import narrows

from .harness import DIALECTS

WIDER = [
    (sa.String(20), sa.String(20)),
    (sa.String(20), sa.String(21)),
    (sa.String(20), sa.Text()),
    (sa.CHAR(5), sa.String(5)),
    (sa.SmallInteger(), sa.Integer()),
    (sa.Integer(), sa.BigInteger()),
    (sa.Integer(), sa.Numeric(10, 0)),
    (sa.Integer(), sa.String(11)),
    (sa.Integer(), sa.Double()),
    (sa.Numeric(8, 2), sa.Numeric(10, 2)),
    (sa.Numeric(8, 2), sa.Numeric(10, 4)),
    (sa.Numeric(8, 2), sa.String(10)),
    (sa.Date(), sa.DateTime()),
    (sa.Date(), sa.String(10)),
    (sa.DateTime(), sa.Text()),
    (sa.Boolean(), sa.Integer()),
    (sa.Text(), sa.LargeBinary()),
    (sa.Enum("a", "b", name="letter"), sa.Enum("a", "b", "c", name="letter")),
    (sa.Enum("a", "bcd", name="letter"), sa.String(3)),
]

NARROWER = [
    (sa.String(20), sa.String(19)),
    (sa.Text(), sa.String(20)),
    (sa.Text(), sa.Integer()),
    (sa.String(20), sa.Date()),
    (sa.Integer(), sa.SmallInteger()),
    (sa.BigInteger(), sa.Integer()),
    (sa.BigInteger(), sa.Double()),
    (sa.Integer(), sa.Numeric(9, 0)),
    (sa.Integer(), sa.String(10)),
    (sa.Numeric(8, 2), sa.Numeric(8, 1)),
    (sa.Numeric(8, 2), sa.Numeric(7, 2)),
    (sa.Numeric(8, 2), sa.Numeric(8, 4)),
    (sa.Numeric(8, 2), sa.Integer()),
    (sa.Double(), sa.Integer()),
    (sa.DateTime(), sa.Date()),
    (sa.DateTime(), sa.String(10)),
    (sa.Integer(), sa.Boolean()),
    (sa.Integer(), sa.Date()),
    (sa.Text(), sa.JSON()),
    (sa.LargeBinary(), sa.Text()),
    (sa.Enum("a", "b", name="letter"), sa.Enum("a", name="letter")),
    (sa.Enum("a", "bcd", name="letter"), sa.String(2)),
]


def _named(pair: object) -> str:
    return repr(pair).replace("()", "")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("pair", WIDER, ids=_named)
def test_a_wider_type_takes_all(pair: tuple[object, object], dialect: str) -> None:
    """Nothing is lost or refused."""
    assert narrows(*pair, dialect) == ""


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("pair", NARROWER, ids=_named)
def test_a_narrower_type_does_not(pair: tuple[object, object], dialect: str) -> None:
    """And it is told what."""
    assert narrows(*pair, dialect) != ""


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        (sa.DateTime(timezone=True), sa.DateTime(), "loses the time zone"),
        (sa.DateTime(), sa.DateTime(timezone=True), ""),
        (
            postgresql.TIMESTAMP(precision=6),
            postgresql.TIMESTAMP(precision=3),
            "cuts off fractions of seconds",
        ),
        (postgresql.ARRAY(sa.Text()), sa.Text(), "refuses lists"),
        (sa.Text(), postgresql.ARRAY(sa.Text()), "refuses values that are no list"),
        (postgresql.JSON(), postgresql.JSONB(), ""),
        (sa.JSON(), sa.Text(), ""),
        (postgresql.CIDR(), postgresql.INET(), ""),
        (postgresql.UUID(), sa.String(36), ""),
        (postgresql.UUID(), sa.String(32), "refuses or cuts off values of more than 32 characters"),
        (sa.String(), sa.String(20), "refuses or cuts off values of more than 20 characters"),
        (sa.Numeric(), sa.Numeric(20, 4), "rounds numbers to 4 digits after the point"),
        (sa.Text(), sa.String(), ""),
        ("varchar(30)", "text", ""),
        ("text", "varchar(30)", "refuses or cuts off values of more than 30 characters"),
        ("geometry", "geometry", ""),
        (None, sa.Text(), ""),
    ],
)
def test_types_of_postgresql(old: object, new: object, lost: str) -> None:
    """Each with what it loses."""
    assert narrows(old, new, "postgresql") == lost


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        (mysql.INTEGER(), mysql.INTEGER(unsigned=True), "refuses numbers below zero"),
        (mysql.INTEGER(unsigned=True), mysql.INTEGER(), "refuses larger numbers"),
        (mysql.INTEGER(unsigned=True), mysql.BIGINT(), ""),
        (mysql.INTEGER(display_width=11), mysql.INTEGER(), ""),
        (
            mysql.LONGTEXT(),
            mysql.TEXT(),
            "refuses or cuts off values of more than 65535 characters",
        ),
        (mysql.TEXT(), mysql.MEDIUMTEXT(), ""),
        (sa.JSON(), mysql.TEXT(), "refuses or cuts off values of more than 65535 characters"),
        (sa.Boolean(), mysql.TINYINT(), ""),
        (mysql.DATETIME(), mysql.TIMESTAMP(), "refuses dates before 1970 and after 2038"),
        (mysql.DATETIME(fsp=6), mysql.DATETIME(), "cuts off fractions of seconds"),
        (mysql.TINYINT(display_width=1), sa.Boolean(), ""),
        (sa.Enum("ab", "cde"), sa.String(3), ""),
        ("enum('ab','cde')", "varchar(2)", "refuses or cuts off values of more than 2 characters"),
    ],
)
@pytest.mark.parametrize("dialect", ["mysql", "mariadb"])
def test_types_of_mysql(old: object, new: object, lost: str, dialect: str) -> None:
    """MariaDB has the same."""
    assert narrows(old, new, dialect) == lost
