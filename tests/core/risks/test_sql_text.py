"""What SQL text would do, told from its leading words."""

from __future__ import annotations

import time
import typing as t

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.recorder.operations import Operation
from flask_alembic_admin.core.risks.sql_text import classify
from flask_alembic_admin.core.risks.sql_text import LONGEST
from flask_alembic_admin.core.risks.sql_text import MOST

ALL = ("postgresql", "mysql", "mariadb", "sqlite", "oracle")
EACH = pytest.mark.parametrize("dialect", ALL)


def _kinds(text: str, dialect: str = "postgresql") -> list[str]:
    return [operation.kind for operation in classify(text, dialect)]


def _one(text: str, dialect: str = "postgresql") -> Operation:
    (operation,) = classify(text, dialect)
    return operation


@EACH
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("DROP TABLE t", "drop_table"),
        ("drop table if exists s.t cascade", "drop_table"),
        ("DROP SCHEMA s", "drop_schema"),
        ("DROP DATABASE d", "drop_database"),
        ("DROP TYPE mood", "drop_type"),
        ("DROP VIEW v", "drop_view"),
        ("DROP MATERIALIZED VIEW v", "drop_materialized_view"),
        ("DROP SEQUENCE q", "drop_sequence"),
        ("DROP INDEX i", "drop_index"),
        ("DROP FUNCTION f(int)", "drop_function"),
        ("TRUNCATE t", "truncate"),
        ("TRUNCATE TABLE ONLY t", "truncate"),
        ("DELETE FROM t", "delete"),
        ("UPDATE t SET a = 1", "update"),
        ("INSERT INTO t VALUES (1)", "insert"),
        ("ALTER TABLE t ADD COLUMN a int", "add_column"),
        ("ALTER TABLE t ADD a int", "add_column"),
        ("ALTER TABLE t DROP COLUMN a", "drop_column"),
        ("ALTER TABLE t DROP a", "drop_column"),
        ("ALTER TABLE t ALTER COLUMN a SET NOT NULL", "alter_column"),
        ("ALTER TABLE t ALTER a TYPE bigint", "alter_column"),
        ("ALTER TABLE t RENAME TO u", "rename_table"),
        ("ALTER TABLE t RENAME COLUMN a TO b", "rename_column"),
        ("ALTER TABLE t RENAME a TO b", "rename_column"),
        ("ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0)", "create_constraint"),
        ("ALTER TABLE t ADD UNIQUE (a)", "create_constraint"),
        ("ALTER TABLE t DROP CONSTRAINT k", "drop_constraint"),
        ("ALTER TABLE t VALIDATE CONSTRAINT k", "validate_constraint"),
        ("ALTER TABLE t OWNER TO me", "alter_table"),
        ("ALTER TYPE mood ADD VALUE 'ok'", "alter_type"),
        ("CREATE TABLE t (a int)", "create_table"),
        ("CREATE INDEX i ON t (a)", "create_index"),
        ("CREATE OR REPLACE VIEW v AS SELECT 1", "create_view"),
        ("REINDEX TABLE t", "reindex"),
        ("VACUUM FULL t", "vacuum"),
        ("CLUSTER t USING i", "cluster"),
        ("REFRESH MATERIALIZED VIEW v", "refresh_materialized_view"),
        ("COMMENT ON TABLE t IS 'x'", "create_comment"),
        ("LOCK TABLE t", "lock_table"),
        ("BEGIN", "begin"),
        ("START TRANSACTION", "begin"),
        ("COMMIT", "commit"),
        ("END", "commit"),
        ("ROLLBACK", "rollback"),
        ("ROLLBACK TO SAVEPOINT s", "savepoint"),
        ("SAVEPOINT s", "savepoint"),
        ("SET lock_timeout = '1s'", "set"),
        ("SELECT 1", "select"),
        ("DO anything", "execute"),
        ("CALL p()", "execute"),
        ("START SLAVE", "execute"),
    ],
)
def test_a_statement_is_known_by_its_words(text: str, kind: str, dialect: str) -> None:
    """In any case, with any space between, and with a semicolon or without."""
    for written in (text, f"  {text.lower()} ;\n", text.replace(" ", "\n\t"), f"{text};;"):
        operation = _one(written, dialect)
        assert (operation.kind, operation.construct) == (kind, None)


@EACH
@pytest.mark.parametrize(
    "words", ["DROP TABLE t", "DELETE FROM t", "COMMIT; TRUNCATE t", "ALTER TABLE t DROP a"]
)
def test_words_in_comments_and_strings_do_nothing(words: str, dialect: str) -> None:
    """Nor do they part statements."""
    for text in (
        f"SELECT '{words}; it''s'",
        f"-- {words}\nSELECT 1",
        f"/* {words} */ SELECT 1 /* {words}; */",
        f"SELECT 1 -- {words}; '",
        f'SELECT 1 AS "{words};"',
    ):
        assert _kinds(text, dialect) == ["select"]


@EACH
def test_comments_alone_are_no_operation(dialect: str) -> None:
    """Nor is nothing at all."""
    for text in ("", ";", " ;; ", "-- DROP TABLE t", "/* DROP TABLE t */;", "\n-- a\n/* b */\n"):
        assert _kinds(text, dialect) == []


def test_a_comment_on_postgresql_may_hold_another() -> None:
    """Elsewhere it ends with the first."""
    text = "/* a /* b */ DROP TABLE t; */ SELECT 1"
    assert _kinds(text) == ["select"]
    assert _kinds(text, "mysql")[0] == "drop_table"


@pytest.mark.parametrize("tag", ["$$", "$body$", "$_1$"])
def test_a_body_between_dollars_is_a_string_on_postgresql(tag: str) -> None:
    """What it does is not known."""
    text = f"DO {tag} BEGIN DROP TABLE t; '; END {tag}; CREATE FUNCTION f() AS {tag} ; {tag};"
    assert _kinds(text) == ["execute", "create_function"]
    assert _kinds("SELECT a$b$c; DROP TABLE t; SELECT $1") == ["select", "drop_table", "select"]


def test_a_backslash_hides_a_quote_where_the_server_says_so() -> None:
    """In MySQL always, in PostgreSQL after an E."""
    assert _kinds(r"SELECT 'a\'; DROP TABLE t; --'", "mysql") == ["select"]
    assert _kinds(r"SELECT E'a\'; DROP TABLE t; --'") == ["select"]
    assert _kinds(r"SELECT 'a\'; DROP TABLE t; --'") == ["select", "drop_table"]


def test_comments_of_mysql() -> None:
    """One that it runs is no comment, and two dashes need a space."""
    assert _kinds("# DROP TABLE t\nSELECT 1", "mysql") == ["select"]
    assert _kinds("/*!40000 DROP TABLE t */; SELECT 1", "mysql") == ["drop_table", "select"]
    assert _kinds("/*M! DROP TABLE t */", "mariadb") == ["drop_table"]
    assert _kinds("SELECT 1--1; DROP TABLE t", "mysql") == ["select", "drop_table"]


def test_the_body_of_a_trigger_is_a_part_of_it() -> None:
    """It does nothing now."""
    text = (
        "CREATE TRIGGER x AFTER UPDATE ON t BEGIN DELETE FROM u; "
        "UPDATE t SET a = CASE WHEN 1 THEN 2 END; END; DROP VIEW v"
    )
    assert _kinds(text, "sqlite") == ["create_trigger", "drop_view"]
    text = (
        "CREATE DEFINER=`a`@`b` PROCEDURE p() BEGIN IF x THEN DELETE FROM t; END IF; "
        "CASE y WHEN 1 THEN DELETE FROM u; END CASE; END; DROP VIEW v"
    )
    assert _kinds(text, "mysql") == ["create_procedure", "drop_view"]
    text = "CREATE TRIGGER x BEFORE UPDATE ON t EXECUTE FUNCTION f(); DROP VIEW v"
    assert _kinds(text) == ["create_trigger", "drop_view"]


@pytest.mark.parametrize(
    ("text", "dialect", "place"),
    [
        ("DROP TABLE Users", "postgresql", (None, "users")),
        ('DROP TABLE "Users"', "postgresql", (None, "Users")),
        ('DROP TABLE "a""b"', "postgresql", (None, 'a"b')),
        ("DROP TABLE Shop.Users", "postgresql", ("shop", "users")),
        ('DROP TABLE "Shop" . "Users"', "postgresql", ("Shop", "Users")),
        ("DROP TABLE Users", "mysql", (None, "Users")),
        ("DROP TABLE `shop`.`a``b`", "mysql", ("shop", "a`b")),
        ("DROP TABLE [users]", "sqlite", (None, "users")),
        ("DROP TABLE /* the */ users -- all", "sqlite", (None, "users")),
    ],
)
def test_names_are_as_the_server_knows_them(
    text: str, dialect: str, place: tuple[str | None, str]
) -> None:
    """In lower case on PostgreSQL, and without their quotes."""
    operation = _one(text, dialect)
    assert (operation.schema, operation.table) == place


@EACH
@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("DELETE FROM t", False),
        ("DELETE FROM t WHERE a = 1", True),
        ("DELETE FROM t WHERE a IN (SELECT b FROM u)", True),
        ("DELETE FROM t -- WHERE a = 1", False),
        ("DELETE FROM t /* WHERE */ RETURNING a", False),
        ("DELETE FROM t WHERE 1 = 1", False),
        ("DELETE FROM t WHERE true", False),
        ("DELETE FROM t LIMIT 10", True),
        ("UPDATE t SET a = 'WHERE'", False),
        ("UPDATE t SET a = (SELECT b FROM u WHERE u.id = t.id)", False),
        ("UPDATE t SET a = (SELECT b FROM u WHERE u.id = t.id) WHERE c", True),
        ("UPDATE t SET a = 1, b = 2 WHERE c IS NULL", True),
    ],
)
def test_where_counts_outside_of_parentheses(text: str, where: bool, dialect: str) -> None:
    """And where it holds the change to some rows."""
    operation = _one(text, dialect)
    assert (operation.table, operation.details["where"]) == ("t", where)


@pytest.mark.parametrize(
    "text",
    [
        "DELETE a FROM t AS a JOIN u ON a.id = u.id",
        "UPDATE t JOIN u ON t.id = u.id SET t.a = u.a",
    ],
)
def test_a_join_holds_a_change_to_some_rows(text: str) -> None:
    """As MySQL has it."""
    assert _one(text, "mysql").details["where"] is True


def test_one_statement_may_be_several_operations() -> None:
    """Each with the whole statement."""
    text = (
        'ALTER TABLE t ADD a int, DROP b, ALTER c SET NOT NULL, ADD d numeric(9, 2), RENAME TO "U"'
    )
    operations = classify(f"{text}; DROP TABLE a, b.c", "postgresql")
    assert [(one.kind, one.table, one.column, one.name) for one in operations] == [
        ("add_column", "t", "a", None),
        ("drop_column", "t", "b", None),
        ("alter_column", "t", "c", None),
        ("add_column", "t", "d", None),
        ("rename_table", "t", None, "U"),
        ("drop_table", "a", None, None),
        ("drop_table", "c", None, None),
    ]
    assert {one.sql for one in operations[:5]} == {text}


def _says(operation: Operation, **details: t.Any) -> None:
    found = {key: operation.details.get(key, "missing") for key in details}
    assert found == details


def test_a_new_column_says_what_it_is() -> None:
    """Type, default, and what is true of it."""
    _says(
        _one("ALTER TABLE t ADD COLUMN IF NOT EXISTS a varchar(40) NOT NULL DEFAULT 'x, y'"),
        type_text="varchar(40)",
        nullable=False,
        server_default="'x, y'",
        if_not_exists=True,
    )
    _says(_one("ALTER TABLE t ADD a int DEFAULT -1 UNIQUE"), server_default="-1", nullable=True)
    _says(_one("ALTER TABLE t ADD a int DEFAULT NULL"), server_default=None)
    _says(_one("ALTER TABLE t ADD a uuid DEFAULT gen_random_uuid ()"), type_text="uuid")
    _says(_one("ALTER TABLE t ADD a serial PRIMARY KEY"), autoincrement=True)
    _says(
        _one("ALTER TABLE t ADD a int REFERENCES u (id) CHECK (a > 0)"),
        constraints=("foreign_key", "check"),
        referred_table="u",
    )
    _says(_one("ALTER TABLE t ADD a int GENERATED ALWAYS AS (b + 1) STORED"), computed=True)
    _says(_one("ALTER TABLE t ADD a int GENERATED BY DEFAULT AS IDENTITY"), identity=True)
    _says(_one("ALTER TABLE t ADD a text[] NOT NULL"), type_text="text[]", nullable=False)
    _says(_one("ALTER TABLE t ADD a int AUTO_INCREMENT FIRST", "mysql"), autoincrement=True)


def test_mysql_adds_several_columns_in_parentheses() -> None:
    """And says how it shall go about it."""
    operations = classify(
        "ALTER TABLE t ADD (a int, b text), ALGORITHM=INPLACE, LOCK = NONE", "mysql"
    )
    assert [one.column for one in operations] == ["a", "b"]
    assert {one.details["algorithm"] for one in operations} == {"INPLACE"}
    assert {one.details["lock"] for one in operations} == {"NONE"}


def test_types_are_those_of_sqlalchemy_where_they_are_known() -> None:
    """With their lengths."""
    for text, type_ in {
        "VARCHAR(40)": sa.VARCHAR,
        "character varying(40)": sa.VARCHAR,
        "int8": sa.BigInteger,
        "json": sa.JSON,
        "timestamp with time zone": sa.TIMESTAMP,
        "double precision": sa.Double,
    }.items():
        found = _one(f"ALTER TABLE t ALTER a TYPE {text} USING a::x").details["type_"]
        assert isinstance(found, type_)
        assert getattr(found, "length", None) in {None, 40}

    _says(_one("ALTER TABLE t ALTER a TYPE mood USING a::mood"), type_=None, type_text="mood")


def test_a_changed_column_says_what_changes() -> None:
    """And nothing else."""
    changes: dict[str, dict[str, t.Any]] = {
        "SET NOT NULL": {"nullable": False},
        "DROP NOT NULL": {"nullable": True},
        "SET DEFAULT now() + interval '1 day'": {"server_default": "now() + interval '1 day'"},
        "DROP DEFAULT": {"server_default": None},
        "SET STATISTICS 100": {"action": "STATISTICS"},
    }

    for change, details in changes.items():
        operation = _one(f"ALTER TABLE t ALTER COLUMN a {change}")
        assert operation.details == details


def test_mysql_writes_all_of_a_column_anew() -> None:
    """A change of its name is an operation of its own."""
    _says(
        _one("ALTER TABLE t MODIFY COLUMN a bigint unsigned NOT NULL", "mysql"),
        redefined=True,
        nullable=False,
        type_text="bigint unsigned",
    )
    rename, change = classify("ALTER TABLE t CHANGE a b int", "mysql")
    assert (rename.kind, rename.column, rename.name) == ("rename_column", "a", "b")
    assert (change.kind, change.column) == ("alter_column", "a")
    assert _kinds("ALTER TABLE t CHANGE a a int", "mysql") == ["alter_column"]
    assert _kinds("ALTER TABLE t RENAME u", "mysql") == ["rename_table"]
    assert _kinds("RENAME TABLE a TO b, c TO d", "mysql") == ["rename_table", "rename_table"]
    convert = _one("ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4", "mysql")
    assert convert.details["action"] == "CONVERT TO CHARACTER"


@pytest.mark.parametrize(
    ("text", "details"),
    [
        ("UNIQUE (a, b)", {"type": "unique", "columns": ("a", "b")}),
        ("CONSTRAINT k UNIQUE USING INDEX i", {"type": "unique", "using_index": "i"}),
        ("CONSTRAINT k PRIMARY KEY (a)", {"type": "primary_key"}),
        ("CONSTRAINT k CHECK (a > 0) NOT VALID", {"type": "check", "not_valid": True}),
        ("CHECK (a IS NOT NULL)", {"type": "check", "not_valid": False, "text": "a IS NOT NULL"}),
        ("CONSTRAINT k EXCLUDE USING gist (a WITH =)", {"type": "exclude"}),
        (
            "CONSTRAINT k FOREIGN KEY (a) REFERENCES s.u (id) ON DELETE CASCADE NOT VALID",
            {
                "type": "foreign_key",
                "not_valid": True,
                "referred_schema": "s",
                "referred_table": "u",
                "columns": ("a",),
            },
        ),
    ],
)
def test_a_constraint_says_what_it_asks_for(text: str, details: dict[str, t.Any]) -> None:
    """And whether the rows that are there are looked at."""
    _says(_one(f"ALTER TABLE t ADD {text}"), **details)


@pytest.mark.parametrize(
    ("text", "details"),
    [
        ("CREATE INDEX i ON t (a, lower(b))", {"columns": ("a",), "unique": False}),
        ("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON s.t USING gin (a)", {"unique": True}),
        ("CREATE INDEX CONCURRENTLY ON ONLY t (a)", {"concurrently": True}),
        ("CREATE INDEX concurrently_made ON t (a)", {"concurrently": False}),
    ],
)
def test_an_index_says_how_it_is_built(text: str, details: dict[str, t.Any]) -> None:
    """Its name may be left out."""
    operation = _one(text)
    assert (operation.kind, operation.table) == ("create_index", "t")
    _says(operation, **details)


def test_an_index_is_dropped_in_several_ways() -> None:
    """By its own name, on MySQL with the table's."""
    _says(_one("DROP INDEX CONCURRENTLY IF EXISTS s.i"), concurrently=True, if_exists=True)
    assert [one.name for one in classify("DROP INDEX i, j", "postgresql")] == ["i", "j"]
    operation = _one("DROP INDEX i ON t", "mysql")
    assert (operation.name, operation.table) == ("i", "t")
    assert _kinds("ALTER TABLE t DROP INDEX i, DROP FOREIGN KEY k, DROP PRIMARY KEY", "mysql") == [
        "drop_index",
        "drop_constraint",
        "drop_constraint",
    ]
    assert _kinds("ALTER TABLE t ADD INDEX i (a), ADD UNIQUE KEY k (a)", "mysql") == [
        "create_index",
        "create_constraint",
    ]


def test_a_new_table_says_what_is_in_it() -> None:
    """Constraints are no columns."""
    operation = _one(
        "CREATE TEMP TABLE IF NOT EXISTS x (a int PRIMARY KEY, b json, PRIMARY KEY (a, b))"
    )
    _says(operation, if_not_exists=True, temporary=True)
    assert list(operation.details["columns"]) == ["a", "b"]
    assert _one("CREATE TABLE x AS SELECT 1").table == "x"
    assert _one("CREATE UNLOGGED TABLE s.x (LIKE t)").schema == "s"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("WITH d AS (SELECT 1) SELECT * FROM d", ["select"]),
        ("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", ["delete"]),
        ("WITH d AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT 1", ["delete", "insert"]),
        ("WITH d AS (SELECT 1) UPDATE t SET a = 1 FROM d WHERE d.id = t.id", ["update"]),
        ("WITH d AS (SELECT 1) DELETE FROM t", ["delete"]),
    ],
)
def test_what_a_with_holds_is_done(text: str, kinds: list[str]) -> None:
    """Before the statement itself."""
    assert _kinds(text) == kinds


def test_maintenance_says_whether_it_blocks() -> None:
    """Some of it does not."""
    _says(_one("VACUUM t"), full=False)
    _says(_one("VACUUM (ANALYZE, FULL) t"), full=True)
    _says(_one("VACUUM FULL VERBOSE t"), full=True)
    _says(_one("REINDEX TABLE CONCURRENTLY t"), concurrently=True)
    _says(_one("REINDEX (CONCURRENTLY) INDEX i"), concurrently=True)
    _says(_one("REINDEX INDEX i"), concurrently=False)
    _says(_one("REFRESH MATERIALIZED VIEW CONCURRENTLY v"), concurrently=True)
    _says(_one("REFRESH MATERIALIZED VIEW v"), concurrently=False)


def test_a_type_says_what_becomes_of_it() -> None:
    """A new value is not to be used at once."""
    _says(_one("ALTER TYPE s.mood ADD VALUE IF NOT EXISTS 'ok' BEFORE 'x'"), action="ADD VALUE")
    _says(_one("ALTER TYPE mood RENAME VALUE 'a' TO 'b'"), action="RENAME VALUE")
    _says(_one("ALTER TYPE mood RENAME TO moods"), action="RENAME TO", new_name="moods")


def test_copy_goes_in_or_out() -> None:
    """Only one of them changes anything."""
    assert _kinds("COPY t (a, b) FROM '/f'") == ["insert"]
    assert _kinds("COPY t TO '/f'") == ["select"]
    assert _kinds("COPY (SELECT 1) TO '/f'") == ["select"]
    assert _one("LOAD DATA INFILE 'f' INTO TABLE t", "mysql").table == "t"


@EACH
@pytest.mark.parametrize("end", ["'open", '"open', "`open", "/* open", "$x$ open"])
def test_a_string_or_comment_without_an_end_is_not_analysed(end: str, dialect: str) -> None:
    """What comes before its statement is."""
    if end.startswith("$") and dialect != "postgresql":
        pytest.skip("It is no string there.")

    first, second = classify(f"DROP TABLE t; DELETE FROM u {end} WHERE a = 1", dialect)
    assert (first.kind, second.kind) == ("drop_table", "execute")
    assert second.details["reason"] == "has a string or comment without an end"


@EACH
@pytest.mark.parametrize(
    "text",
    [
        "DROP",
        "DROP TABLE",
        "ALTER TABLE",
        "ALTER TABLE t",
        "ALTER TABLE t ADD",
        "ALTER TABLE t ADD CONSTRAINT",
        "ALTER TABLE t ALTER",
        "ALTER TABLE t CHANGE",
        "CREATE",
        "CREATE INDEX",
        "CREATE INDEX ON",
        "CREATE TABLE t (",
        "CREATE TABLE t (a, (b",
        "CREATE UNIQUE",
        "UPDATE",
        "UPDATE SET WHERE",
        "DELETE",
        "WITH",
        "WITH (((",
        "WITH WITH WITH",
        "RENAME TABLE",
        "VACUUM (",
        "REINDEX",
        "COMMENT ON",
        ")))",
        "(((",
        "((((DROP TABLE t",
        "\x00\x01",
        "\ud800",
        "SELECT \u2028; DROP",
        "COPY (",
        "LOAD",
        "ROLLBACK TO",
        "ALTER TYPE",
        "ALTER",
        "TRUNCATE",
        ".",
        "DROP TABLE .",
        "DROP TABLE a.b.c.d",
        "ALTER TABLE t MODIFY",
        "ALTER TABLE t ADD (",
        "ALTER TABLE t ADD ()",
        "REFRESH",
        "CLUSTER",
    ],
)
def test_malformed_sql_is_never_an_error(text: str, dialect: str) -> None:
    """The server will say so."""
    for operation in classify(text, dialect):
        assert isinstance(operation.kind, str)


@pytest.mark.parametrize("dialect", ["postgresql", "mysql", "sqlite"])
def test_any_part_of_a_statement_can_be_read(dialect: str) -> None:
    """Cut off anywhere, it is never an error."""
    text = (
        "WITH d AS (DELETE FROM t WHERE a IN (1, 'x')) UPDATE ONLY s.\"T\" SET a = E'\\'' WHERE b;"
        "ALTER TABLE t ADD COLUMN a varchar(40) NOT NULL DEFAULT (f(1)) REFERENCES u (id), "
        "CHANGE a b int, ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES s.u (id) NOT VALID;"
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t USING gin (a, lower(b));"
        "CREATE TRIGGER x BEGIN CASE WHEN 1 THEN 2 END; END; DO $a$ ; $a$"
    )

    for at in range(len(text)):
        classify(text[:at], dialect)
        classify(text[at:], dialect)


HUGE = 5_000_000


@pytest.mark.parametrize(
    ("unit", "dialect"),
    [
        ("ALTER TABLE t ADD COLUMN a int NOT NULL DEFAULT 1;\n", "postgresql"),
        ("INSERT INTO t VALUES (1, 'it''s; DROP TABLE x'), ", "mysql"),
        ("x'", "postgresql"),
    ],
)
def test_huge_text_is_read_in_no_time(unit: str, dialect: str) -> None:
    """What is not looked at is said to be so."""
    text = unit * (HUGE // len(unit))
    started = time.process_time()
    operations = classify(text, dialect)
    assert time.process_time() - started < 3
    assert len(operations) <= MOST + 1

    if len(operations) > MOST:
        assert operations[-1].kind == "execute"
        assert operations[-1].details["reason"] == f"has more than {MOST} statements"


def test_a_statement_that_is_too_long_is_not_analysed() -> None:
    """Where all of its words matter."""
    operation = _one(f"UPDATE t SET a = '{'x' * LONGEST}'")
    assert operation.kind == "execute"
    assert operation.details["reason"] == f"is longer than {LONGEST} characters"
    assert _one(f"INSERT INTO t VALUES ('{'x' * LONGEST}')").table == "t"
