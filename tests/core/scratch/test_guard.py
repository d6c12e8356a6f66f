from __future__ import annotations

import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.scratch.guard import ScratchGuard
from flask_alembic_admin.errors import OutsideScratch

#: Nobody is asked for anything in these tests.
NOBODY = t.cast(sa.Connection, None)

REFUSED = [
    ("postgresql", "CREATE ROLE reporting"),
    ("postgresql", "/* a comment */ drop user if exists reporting"),
    ("postgresql", "ALTER SYSTEM SET work_mem = '8MB'"),
    ("postgresql", "SELECT 1; DROP DATABASE shop"),
    ("postgresql", "DO $$ BEGIN IF true THEN CREATE ROLE reporting; END IF; END $$"),
    ("postgresql", "GRANT admin TO reporting"),
    ("postgresql", "GRANT CONNECT ON DATABASE shop TO reporting"),
    ("postgresql", "DROP OWNED BY reporting"),
    ("postgresql", "SELECT public.dblink_exec('dbname=shop', 'DELETE FROM users')"),
    ("postgresql", "DO $$ BEGIN PERFORM \"dblink\" ('dbname=shop', 'SELECT 1'); END $$"),
    ("mysql", "USE shop"),
    ("mysql", "DROP SCHEMA shop"),
    ("mysql", "SET GLOBAL max_connections = 1"),
    ("mysql", "GRANT ALL ON *.* TO reporting"),
    ("mysql", "DELETE FROM shop.users"),
    ("mysql", "UPDATE `Shop` . users SET id = 1"),
    ("mysql", "/*!50001 DELETE FROM shop.users */"),
    ("mariadb", "/*M!100100 DELETE FROM shop.users */"),
    ("mysql", "INSERT INTO users SELECT * FROM shop.users"),
    ("mysql", "EXECUTE IMMEDIATE 'DELETE FROM `shop`.users'"),
    ("mysql", 'PREPARE late FROM "DELETE FROM shop.users"'),
    ("mysql", "SET @late = IF(@there, 'DELETE FROM shop.users', 'SELECT 1')"),
    ("mysql", "CREATE TABLE a (b INT, FOREIGN KEY (b) REFERENCES shop.users (id))"),
    ("sqlite", "ATTACH 'shop.sqlite' AS shop"),
    ("sqlite", "VACUUM INTO 'shop.sqlite'"),
]

LET_THROUGH = [
    ("postgresql", "GRANT SELECT ON users TO reporting"),
    ("postgresql", "CREATE TABLE role (id int)"),
    ("postgresql", "INSERT INTO notes VALUES ('DROP DATABASE shop')"),
    ("postgresql", "CREATE SCHEMA shop"),
    ("postgresql", "DO $$ BEGIN UPDATE users SET id = 1; END $$"),
    ("postgresql", "SELECT shop.id FROM shop"),
    ("mysql", "SELECT 'shop.users'"),
    ("postgresql", "CREATE EXTENSION dblink"),
    ("mysql", "INSERT INTO shop (id) VALUES (1)"),
    ("mysql", "SET @open = 'the shop is open'"),
    ("mysql", "SELECT * FROM information_schema.TABLES"),
    ("sqlite", "VACUUM"),
    ("sqlite", "SELECT shop.id FROM shop"),
]


def guard_of(dialect: str) -> ScratchGuard:
    """Return a guard that knows another database where one session reaches several."""
    return ScratchGuard(
        dialect, ["shop", "information_schema"] if dialect in {"mysql", "mariadb"} else []
    )


@pytest.mark.parametrize(("dialect", "sql"), REFUSED)
def test_what_reaches_beyond_the_database_is_refused(dialect: str, sql: str) -> None:
    """Whatever stands around it."""
    with pytest.raises(OutsideScratch, match="It reaches for"):
        guard_of(dialect).check(NOBODY, sql)


@pytest.mark.parametrize(("dialect", "sql"), LET_THROUGH)
def test_what_stays_within_is_let_through(dialect: str, sql: str) -> None:
    """Also where it only looks like the rest."""
    guard_of(dialect).check(NOBODY, sql)
