from __future__ import annotations

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.redact import mask_url
from flask_alembic_admin.core.redact import redact


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("postgresql://me:s3cret@host:5432/shop", "postgresql://me:***@host:5432/shop"),
        ("postgresql://host/shop", "postgresql://host/shop"),
        ("postgresql://me@/shop?password=s3cret", "postgresql://me@/shop?password=%2A%2A%2A"),
        ("mysql://me@host/x?passwd=s3cret&charset=utf8", None),
        ("postgresql://host/x?sslpassword=s3cret&sslkey=s3cret", None),
        ("mssql://host/x?access_token=s3cret&Pwd=s3cret", None),
        ("postgresql://host/x?password=s3cret&password=s3cret", None),
        ("sqlite:////var/shop.sqlite", "sqlite:////var/shop.sqlite"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, masked: str | None) -> None:
    """Not even those in its query, which SQLAlchemy shows."""
    shown = mask_url(sa.make_url(url))
    assert "s3cret" not in shown
    assert masked is None or shown == masked


def test_what_is_no_secret_stays_in_a_url() -> None:
    """Somebody has to find the database by it."""
    shown = mask_url(sa.make_url("mysql://me:x@host:3307/shop?charset=utf8mb4&ssl_ca=/ca.pem"))
    assert "me:***@host:3307/shop" in shown
    assert "charset=utf8mb4" in shown


@pytest.mark.parametrize(
    "text",
    [
        "cannot connect to postgresql://me:s3cret@host/shop",
        "cannot connect to postgresql+psycopg://me:s3cret@host/shop: refused",
        "connection failed: password=s3cret host=db",
        "connection failed: host=db password = 's3cret'",
        'config {"password": "s3cret"}',
        "config {'api_token': 's3cret', 'x': 1}",
        "DB_PASSWORD=s3cret flask run",
        "?secret=s3cret&charset=utf8",
        "ALTER USER me IDENTIFIED BY 's3cret'",
        "CREATE ROLE me PASSWORD 's3cret'",
    ],
)
def test_secrets_with_a_name_are_blanked(text: str) -> None:
    """Wherever they stand in a message."""
    assert "s3cret" not in redact(text)
    assert "***" in redact(text)


@pytest.mark.parametrize("shown", ["p@ss/w:rd%", "p%40ss%2Fw%3Ard%25"])
def test_the_password_of_a_url_is_blanked_wherever_it_stands(shown: str) -> None:
    """As it is, and as it is written in URLs."""
    url = sa.URL.create("postgresql", "me", "p@ss/w:rd%", "host")
    text = redact(f"the server said {shown}!", [url])
    assert text == "the server said ***!"


def test_secrets_of_a_query_are_blanked_wherever_they_stand() -> None:
    """Those of the URLs that are given."""
    url = sa.make_url("postgresql://me@host/x?sslpassword=hush-hush")
    assert redact("bad key hush-hush", [url]) == "bad key ***"


@pytest.mark.parametrize(
    "text",
    [
        "relation users does not exist",
        "write url.render_as_string(hide_password=False)",
        "hide_password=True, password=None",
        "column users.password_hash cannot be null",
        "Key (email)=(a@b.de) already exists: at 10:30 o'clock",
        "",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    """Else no error could be understood."""
    assert redact(text) == text


def test_a_very_short_password_blanks_nothing() -> None:
    """It would be found in half of all words."""
    url = sa.URL.create("postgresql", "me", "a", "host")
    assert redact("a table has a name", [url]) == "a table has a name"


def test_a_placeholder_of_an_advice_is_no_password() -> None:
    """Whoever is told to write stars writes stars, which are refused."""
    text = "Write DIALECT://USER:PASSWORD@HOST/DATABASE."
    assert redact(text) == text
    assert "PASSWORD1" not in redact("no way to x://user:PASSWORD1@host")


def test_that_a_password_was_given_is_no_secret() -> None:
    """MariaDB says so, which tells somebody what to look for."""
    text = "Access denied for user 'me'@'db' (using password: YES)"
    assert redact(text) == text
