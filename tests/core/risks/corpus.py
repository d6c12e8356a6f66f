"""Revisions as real projects have them, each with all that rules find in it.

They are written for this, after what projects with long histories do: most of it is harmless, some
of it is not, and some of it looks harmful only. Each is looked at by itself, as on a database that
has all the tables which it does not create.
"""

from __future__ import annotations

import typing as t


class Revision(t.NamedTuple):
    """A revision, and what is found in it.

    :param name: What it does.
    :param dialect: The server that its project runs on.
    :param body: Its ``upgrade()``, or its ``downgrade()``.
    :param found: The rules that find something, once for each finding, in their order by id.
    :param false_alarms: Those of them that find what is none; there is a reason beside each.
    :param rows: About how many rows tables have, where somebody has looked.
    :param direction: Which of the two functions it is.
    """

    name: str
    dialect: str
    body: str
    found: tuple[str, ...] = ()
    false_alarms: tuple[str, ...] = ()
    rows: dict[str, int] | None = None
    direction: t.Literal["upgrade", "downgrade"] = "upgrade"


CORPUS: tuple[Revision, ...] = (
    # A shop on PostgreSQL.
    Revision(
        "create accounts",
        "postgresql",
        """
        op.create_table(
            "accounts",
            sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
            sa.Column("email", sa.String(255), nullable=False),
            sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
            sa.PrimaryKeyConstraint("id", name="pk_accounts"),
            sa.UniqueConstraint("email", name="uq_accounts_email"),
        )
        op.create_index("ix_accounts_created_at", "accounts", ["created_at"])
        """,
    ),
    Revision(
        "create orders with a key to accounts",
        "postgresql",
        """
        op.create_table(
            "orders",
            sa.Column("id", sa.BigInteger(), primary_key=True),
            sa.Column("account_id", sa.BigInteger(), sa.ForeignKey("accounts.id"), nullable=False),
            sa.Column("total", sa.Numeric(10, 2), nullable=False),
            sa.CheckConstraint("total >= 0", name="ck_orders_total"),
        )
        op.create_index("ix_orders_account_id", "orders", ["account_id"])
        """,
    ),
    Revision(
        "add a nullable column",
        "postgresql",
        'op.add_column("orders", sa.Column("note", sa.Text(), nullable=True))',
    ),
    Revision(
        "add a flag with a constant default",
        "postgresql",
        """
        op.add_column(
            "orders",
            sa.Column("is_gift", sa.Boolean(), server_default=sa.false(), nullable=False),
        )
        """,
    ),
    Revision(
        "add a time with now() as its default",
        "postgresql",
        """
        op.add_column(
            "orders",
            sa.Column("seen_at", sa.DateTime(), server_default=sa.text("now()"), nullable=False),
        )
        """,
    ),
    Revision(
        "add a token to each account",
        "postgresql",
        """
        op.add_column(
            "accounts",
            sa.Column("token", sa.Uuid(), server_default=sa.text("gen_random_uuid()")),
        )
        """,
        found=("LOCK010",),
    ),
    Revision(
        "add a required column without a default",
        "postgresql",
        'op.add_column("accounts", sa.Column("country", sa.String(2), nullable=False))',
        found=("COMP003",),
    ),
    Revision(
        "index a big table",
        "postgresql",
        'op.create_index("ix_orders_total", "orders", ["total"])',
        found=("LOCK001",),
        rows={"orders": 40_000_000},
    ),
    Revision(
        "index a table of settings",
        "postgresql",
        'op.create_index("ix_settings_key", "settings", ["key"])',
        found=("LOCK001",),
        rows={"settings": 40},
    ),
    Revision(
        "index a big table beside the work",
        "postgresql",
        """
        with op.get_context().autocommit_block():
            op.create_index(
                "ix_orders_note", "orders", ["note"], postgresql_concurrently=True
            )
        """,
        rows={"orders": 40_000_000},
    ),
    Revision(
        "index concurrently and forget the block",
        "postgresql",
        'op.create_index("ix_orders_n", "orders", ["note"], postgresql_concurrently=True)',
        found=("LOCK002",),
    ),
    Revision(
        "exchange an index",
        "postgresql",
        """
        op.drop_index("ix_orders_account_id", table_name="orders")
        op.create_index("ix_orders_account_id", "orders", ["account_id", "id"], unique=False)
        """,
        found=(
            "LOCK001",
            "LOCK003",
        ),
    ),
    Revision(
        "make a column unique",
        "postgresql",
        'op.create_unique_constraint("uq_accounts_phone", "accounts", ["phone"])',
        found=(
            "COMP004",
            "LOCK007",
        ),
    ),
    Revision(
        "make a column unique by an index that is there",
        "postgresql",
        """
        op.execute(
            "ALTER TABLE accounts ADD CONSTRAINT uq_accounts_phone UNIQUE USING INDEX uq_phone"
        )
        """,
    ),
    Revision(
        "add a foreign key",
        "postgresql",
        """
        op.create_foreign_key(
            "fk_orders_address_id_addresses", "orders", "addresses", ["address_id"], ["id"],
            ondelete="SET NULL",
        )
        """,
        found=(
            "COMP006",
            "LOCK005",
        ),
    ),
    Revision(
        "add a foreign key that is not checked yet",
        "postgresql",
        """
        op.create_foreign_key(
            "fk_orders_address_id", "orders", "addresses", ["address_id"], ["id"],
            postgresql_not_valid=True,
        )
        """,
    ),
    Revision(
        "check that foreign key later",
        "postgresql",
        'op.execute("ALTER TABLE orders VALIDATE CONSTRAINT fk_orders_address_id")',
    ),
    Revision(
        "require an email",
        "postgresql",
        """
        op.alter_column(
            "accounts", "email", existing_type=sa.String(255), nullable=False
        )
        """,
        found=("LOCK008",),
    ),
    Revision(
        "fill and require a country",
        "postgresql",
        """
        op.add_column("accounts", sa.Column("country", sa.String(2), nullable=True))
        op.execute("UPDATE accounts SET country = 'DE' WHERE country IS NULL")
        op.alter_column("accounts", "country", existing_type=sa.String(2), nullable=False)
        """,
        found=(
            "LOCK008",
            "LOCK011",
        ),
    ),
    Revision(
        "allow longer names",
        "postgresql",
        """
        op.alter_column(
            "accounts", "name",
            existing_type=sa.String(length=50), type_=sa.String(length=120),
            existing_nullable=False,
        )
        """,
    ),
    Revision(
        "allow shorter names only",
        "postgresql",
        """
        op.alter_column(
            "accounts", "name", existing_type=sa.String(120), type_=sa.String(50),
        )
        """,
        found=(
            "DATA005",
            "LOCK009",
        ),
    ),
    Revision(
        "give orders larger ids",
        "postgresql",
        """
        op.alter_column("orders", "id", existing_type=sa.Integer(), type_=sa.BigInteger())
        """,
        found=("LOCK009",),
        rows={"orders": 40_000_000},
    ),
    Revision(
        "text instead of varchar",
        "postgresql",
        """
        op.alter_column("orders", "note", existing_type=sa.String(200), type_=sa.Text())
        """,
    ),
    Revision(
        "amounts in cents",
        "postgresql",
        """
        op.alter_column(
            "orders", "total", existing_type=sa.Numeric(10, 2), type_=sa.Integer(),
            postgresql_using="(total * 100)::integer",
        )
        """,
        found=(
            "DATA005",
            "LOCK009",
        ),
    ),
    Revision(
        "rename a column",
        "postgresql",
        'op.alter_column("accounts", "surname", new_column_name="last_name")',
        found=("COMP002",),
    ),
    Revision(
        "rename a table and its sequence",
        "postgresql",
        """
        op.rename_table("basket", "carts")
        op.execute("ALTER SEQUENCE basket_id_seq RENAME TO carts_id_seq")
        """,
        found=("COMP001",),
    ),
    Revision(
        "drop a table that nobody reads",
        "postgresql",
        """
        op.drop_index("ix_old_events_at", table_name="old_events")
        op.drop_table("old_events")
        """,
        found=("DATA001",),
    ),
    Revision(
        "drop a column",
        "postgresql",
        'op.drop_column("accounts", "fax")',
        found=("DATA002",),
    ),
    Revision(
        "create and fill a table of countries",
        "postgresql",
        """
        countries = op.create_table(
            "countries",
            sa.Column("code", sa.String(2), primary_key=True),
            sa.Column("name", sa.String(80), nullable=False),
        )
        op.bulk_insert(countries, [{"code": "DE", "name": "Germany"}, {"code": "FR", "name": "F"}])
        op.create_index("ix_countries_name", "countries", ["name"])
        """,
    ),
    Revision(
        "a new kind of status",
        "postgresql",
        """
        with op.get_context().autocommit_block():
            op.execute("ALTER TYPE order_status ADD VALUE IF NOT EXISTS 'returned'")
        """,
    ),
    Revision(
        "a new kind of status and its use at once",
        "postgresql",
        """
        op.execute("ALTER TYPE order_status ADD VALUE 'lost'")
        op.execute("UPDATE orders SET status = 'lost' WHERE shipped_at < '2020-01-01'")
        """,
        found=("PGX001",),
    ),
    Revision(
        "another default",
        "postgresql",
        """
        op.alter_column(
            "orders", "status", existing_type=sa.String(20), server_default="new",
        )
        """,
    ),
    Revision(
        "an extension and a search index",
        "postgresql",
        """
        op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        op.execute(
            "CREATE INDEX ix_products_name_trgm ON products USING gin (name gin_trgm_ops)"
        )
        """,
        found=("LOCK001",),
    ),
    Revision(
        "a trigger",
        "postgresql",
        """
        op.execute(
            '''
            CREATE OR REPLACE FUNCTION touch() RETURNS trigger AS $$
            BEGIN
                -- DROP TABLE orders; DELETE FROM orders;
                NEW.updated_at = now();
                RETURN NEW;
            END;
            $$ LANGUAGE plpgsql;
            CREATE TRIGGER touch_orders BEFORE UPDATE ON orders
            FOR EACH ROW EXECUTE FUNCTION touch();
            '''
        )
        """,
    ),
    Revision(
        "a view, made anew",
        "postgresql",
        """
        op.execute("DROP VIEW IF EXISTS sales_by_day")
        op.execute(
            "CREATE VIEW sales_by_day AS SELECT day, sum(total) AS total FROM orders GROUP BY day"
        )
        """,
    ),
    Revision(
        "json of a payment",
        "postgresql",
        """
        op.add_column("payments", sa.Column("answer", postgresql.JSON(), nullable=True))
        """,
        found=("PGX002",),
    ),
    Revision(
        "jsonb of a payment",
        "postgresql",
        """
        op.add_column("payments", sa.Column("reply", postgresql.JSONB(), nullable=True))
        """,
    ),
    Revision(
        "comments on columns",
        "postgresql",
        """
        op.alter_column("orders", "total", existing_type=sa.Numeric(10, 2), comment="With VAT")
        op.create_table_comment("orders", "DROP TABLE is what this is not")
        """,
    ),
    Revision(
        "remove orphans",
        "postgresql",
        """
        op.execute(
            "DELETE FROM order_lines WHERE NOT EXISTS "
            "(SELECT 1 FROM orders WHERE orders.id = order_lines.order_id)"
        )
        """,
    ),
    Revision(
        "empty a cache",
        "postgresql",
        'op.execute("TRUNCATE TABLE page_cache")',
        found=("DATA003",),
    ),
    Revision(
        "normalise all addresses",
        "postgresql",
        'op.execute("UPDATE addresses SET city = trim(city)")',
        found=("DATA004",),
    ),
    Revision(
        "vacuum afterwards",
        "postgresql",
        """
        with op.get_context().autocommit_block():
            op.execute("VACUUM ANALYZE orders")
        """,
    ),
    Revision(
        "split names in Python",
        "postgresql",
        """
        rows = op.get_bind().execute(sa.text("SELECT id, name FROM accounts")).fetchall()
        for row in rows:
            op.execute(sa.text("UPDATE accounts SET first = :f WHERE id = :i"))
        """,
        found=("META002",),
    ),
    Revision(
        "roles by a session",
        "postgresql",
        """
        from sqlalchemy.orm import Session
        session = Session(bind=op.get_bind())
        session.execute(sa.text("INSERT INTO roles (name) VALUES ('admin')"))
        session.commit()
        """,
        found=(
            "META003",
            "META003",
        ),
    ),
    # A forum on MariaDB, and its copies on MySQL.
    Revision(
        "create posts",
        "mariadb",
        """
        op.create_table(
            "posts",
            sa.Column("id", sa.Integer(), autoincrement=True, primary_key=True),
            sa.Column("title", sa.String(200), nullable=False),
            sa.Column("body", sa.Text(), nullable=True),
            mysql_engine="InnoDB",
        )
        """,
    ),
    Revision(
        "create tags and the table between",
        "mariadb",
        """
        op.create_table("tags", sa.Column("id", sa.Integer(), primary_key=True))
        op.create_table(
            "post_tags",
            sa.Column("post_id", sa.Integer(), sa.ForeignKey("posts.id"), primary_key=True),
            sa.Column("tag_id", sa.Integer(), sa.ForeignKey("tags.id"), primary_key=True),
        )
        """,
        found=("MY002",),
    ),
    Revision(
        "count the answers",
        "mariadb",
        """
        op.add_column(
            "posts", sa.Column("answers", sa.Integer(), server_default="0", nullable=False)
        )
        """,
    ),
    Revision(
        "longer titles",
        "mariadb",
        """
        op.alter_column(
            "posts", "title",
            existing_type=sa.String(50), type_=sa.String(200),
            existing_nullable=False, existing_server_default=None,
        )
        """,
        found=("MY001",),
    ),
    Revision(
        "much longer titles",
        "mariadb",
        """
        op.alter_column(
            "posts", "title",
            existing_type=sa.String(200), type_=sa.String(400), existing_nullable=False,
        )
        """,
    ),
    Revision(
        "rename by a statement of its own",
        "mysql",
        'op.execute("ALTER TABLE users CHANGE nick nickname VARCHAR(40) NOT NULL")',
        found=(
            "COMP002",
            "DATA005",
            "MY001",
        ),
        # It repeats the type, which only the database knows.
        false_alarms=(
            "DATA005",
            "MY001",
        ),
    ),
    Revision(
        "all in utf8mb4",
        "mysql",
        """
        op.execute(
            "ALTER TABLE posts CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
        )
        """,
        found=("MY001",),
    ),
    Revision(
        "a key to authors",
        "mysql",
        'op.create_foreign_key("fk_posts_author", "posts", "users", ["author_id"], ["id"])',
        found=(
            "COMP006",
            "MY001",
        ),
    ),
    Revision(
        "an index for searching",
        "mysql",
        """
        op.create_index(
            "ft_posts", "posts", ["title", "body"], mysql_prefix="FULLTEXT"
        )
        """,
    ),
    Revision(
        "three changes at once",
        "mysql",
        """
        op.add_column("users", sa.Column("signature", sa.Text(), nullable=True))
        op.add_column("users", sa.Column("avatar", sa.String(100), nullable=True))
        op.create_index("ix_users_nickname", "users", ["nickname"])
        """,
        found=("MY002",),
    ),
    Revision(
        "a type without what was there",
        "mysql",
        """
        op.alter_column(
            "posts", "views", existing_type=sa.Integer(), type_=sa.BigInteger()
        )
        """,
        found=(
            "MY001",
            "MY003",
        ),
        rows={"posts": 900},
    ),
    Revision(
        "drop an index that keys need",
        "mariadb",
        """
        op.drop_constraint("fk_posts_forum", "posts", type_="foreignkey")
        op.drop_index("ix_posts_forum", table_name="posts")
        """,
        found=("MY002",),
    ),
    # Small tools on SQLite.
    Revision(
        "create notes",
        "sqlite",
        """
        op.create_table(
            "notes",
            sa.Column("id", sa.Integer(), nullable=False),
            sa.Column("text", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("id"),
        )
        with op.batch_alter_table("notes", schema=None) as batch_op:
            batch_op.create_index(batch_op.f("ix_notes_text"), ["text"], unique=False)
        """,
    ),
    Revision(
        "add a column by a batch",
        "sqlite",
        """
        with op.batch_alter_table("notes", schema=None) as batch_op:
            batch_op.add_column(sa.Column("color", sa.String(length=7), nullable=True))
        """,
    ),
    Revision(
        "change a type without a batch",
        "sqlite",
        """
        op.alter_column("notes", "color", existing_type=sa.String(7), type_=sa.String(20))
        """,
        found=("LITE002",),
    ),
    Revision(
        "rebuild a table that is known",
        "sqlite",
        """
        known = sa.Table(
            "notes", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("text", sa.Text),
        )
        with op.batch_alter_table("notes", copy_from=known) as batch_op:
            batch_op.alter_column("text", existing_type=sa.Text(), nullable=False)
        """,
        found=("LITE001",),
    ),
    Revision(
        "drop a column by a batch, read from the database",
        "sqlite",
        """
        with op.batch_alter_table("notes", schema=None) as batch_op:
            batch_op.drop_column("color")
        """,
        found=(
            "DATA002",
            "LITE001",
            "META002",
        ),
    ),
    Revision(
        "add a unique column",
        "sqlite",
        'op.execute("ALTER TABLE notes ADD COLUMN slug TEXT UNIQUE")',
        found=("LITE002",),
    ),
    Revision(
        "insert the first rows",
        "sqlite",
        """
        op.bulk_insert(
            sa.table("kinds", sa.column("name", sa.String)), [{"name": "note"}, {"name": "todo"}]
        )
        """,
    ),
    Revision(
        "full text search",
        "sqlite",
        'op.execute("CREATE VIRTUAL TABLE notes_fts USING fts5(text, content=notes)")',
    ),
    Revision(
        "switch foreign keys off meanwhile",
        "sqlite",
        """
        op.execute("PRAGMA foreign_keys=OFF")
        op.drop_table("old_notes")
        op.execute("PRAGMA foreign_keys=ON")
        """,
        found=("DATA001",),
    ),
    Revision(
        "nothing yet",
        "sqlite",
        "pass",
    ),
    # What is undone, and what only looks like harm.
    Revision(
        "undo the table of accounts",
        "postgresql",
        """
        op.drop_index("ix_accounts_created_at", table_name="accounts")
        op.drop_table("accounts")
        """,
        found=("DATA001",),
        direction="downgrade",
    ),
    Revision(
        "undo a column",
        "mariadb",
        'op.drop_column("posts", "answers")',
        found=("DATA002",),
        direction="downgrade",
    ),
    Revision(
        "undo an index",
        "postgresql",
        'op.drop_index("ix_orders_total", table_name="orders")',
        found=("LOCK003",),
        direction="downgrade",
        rows={"orders": 300},
    ),
    Revision(
        "a table to work in",
        "postgresql",
        """
        op.create_table("work", sa.Column("id", sa.Integer()))
        op.execute("INSERT INTO work SELECT id FROM orders WHERE total < 0")
        op.drop_table("work")
        """,
    ),
    Revision(
        "totals from the lines",
        "postgresql",
        """
        op.execute(
            "UPDATE orders SET total = lines.total FROM (SELECT order_id, sum(price) AS total "
            "FROM order_lines GROUP BY order_id) AS lines WHERE lines.order_id = orders.id"
        )
        """,
    ),
    Revision(
        "a statement with a comment that frightens",
        "postgresql",
        """
        op.execute(
            "-- instead of DROP TABLE orders\\n"
            "INSERT INTO notes (text) VALUES ('TRUNCATE orders; DELETE FROM orders')"
        )
        """,
    ),
    Revision(
        "sessions may go, as the comment says",
        "postgresql",
        """
        # alembic-admin: allow DATA003 everybody signs in again
        op.execute("DELETE FROM sessions")
        """,
        found=("DATA003",),
    ),
    Revision(
        "a check that all rows pass",
        "postgresql",
        """
        op.create_check_constraint(
            "ck_orders_total", "orders", sa.text("total >= 0"), postgresql_not_valid=True
        )
        op.execute("ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_total")
        """,
        found=("LOCK006",),
    ),
    Revision(
        "grants for the reports",
        "postgresql",
        """
        op.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reports")
        op.execute("COMMENT ON TABLE orders IS 'One row each'")
        """,
    ),
    Revision(
        "a partition for the new year",
        "postgresql",
        """
        op.execute(
            "CREATE TABLE events_2027 PARTITION OF events "
            "FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')"
        )
        """,
    ),
    Revision(
        "two columns by one statement",
        "mariadb",
        'op.execute("ALTER TABLE users ADD a INT NULL, ADD b INT NULL")',
    ),
    Revision(
        "rows through a procedure",
        "mysql",
        'op.execute("CALL rebuild_counts()")',
        found=("META004",),
    ),
    Revision(
        "another server",
        "oracle",
        'op.add_column("users", sa.Column("note", sa.Text(), nullable=True))',
        found=("META004",),
    ),
)
