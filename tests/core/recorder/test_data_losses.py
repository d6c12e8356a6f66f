from __future__ import annotations

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.verification.result import VerifiedRevision

from ...apps import add_revision
from ...apps import MakeSite
from ..verification.test_verifying import verified

#: What there is before the revision that is looked at.
BEFORE = (
    "op.create_table('users', sa.Column('id', sa.Integer, primary_key=True),"
    " sa.Column('name', sa.String(80)), sa.Column('mail', sa.String(80)))\n"
    "op.create_table('notes', sa.Column('id', sa.Integer, primary_key=True))"
)
AFTER = "op.drop_table('notes')\nop.drop_table('users')"
ADD = "op.add_column('users', sa.Column('fax', sa.String(40)))"
UNADD = "op.drop_column('users', 'fax')"

NOTES = "op.create_table('notes', sa.Column('id', sa.Integer, primary_key=True))"


def batch(*parts: str) -> str:
    """Return the code of a batch that copies the table of users."""
    lines = "\n".join(f"    batch.{part}" for part in parts)
    return f"with op.batch_alter_table('users', recreate='always') as batch:\n{lines}"


def renamed(old: str, new: str) -> str:
    """Return the part of a batch that renames a column."""
    return f"alter_column({old!r}, new_column_name={new!r}, existing_type=sa.String(80))"


def typed(type_: str) -> str:
    """Return the part of a batch that changes the type of a column."""
    return f"alter_column('name', type_=sa.{type_})"


KEPT = {
    "adds a column and fills it": (ADD + "\nop.execute('UPDATE users SET fax = 1')", UNADD),
    "renames a table": (
        "op.rename_table('notes', 'remarks')",
        "op.rename_table('remarks', 'notes')",
    ),
    "renames a column": (batch(renamed("name", "called")), batch(renamed("called", "name"))),
    "copies a table": (
        batch("add_column(sa.Column('fax', sa.Integer))"),
        batch("drop_column('fax')"),
    ),
    "fills what it made": (
        'op.execute("INSERT INTO notes VALUES (1)")',
        "op.execute('DELETE FROM notes WHERE id = 1')",
    ),
    "makes a table": (
        "op.create_table('more', sa.Column('id', sa.Integer))\n"
        "op.execute('INSERT INTO more VALUES (1)')",
        "op.execute('DELETE FROM more')\nop.drop_table('more')",
    ),
}

UP = "The upgrade {}, which the downgrade cannot bring back."
DOWN = "The downgrade {}."
LOST = {
    "drops a table": ("op.drop_table('notes')", NOTES, UP.format("drops table notes")),
    "drops a column": (
        batch("drop_column('mail')"),
        "op.add_column('users', sa.Column('mail', sa.String(80)))",
        UP.format("drops column users.mail"),
    ),
    "drops two": (
        "op.drop_column('users', 'mail')\nop.drop_column('users', 'name')",
        "op.add_column('users', sa.Column('mail', sa.String(80)))\n"
        "op.add_column('users', sa.Column('name', sa.String(80)))",
        UP.format("drops column users.name and drops column users.mail"),
    ),
    "makes a table anew": (
        f"op.drop_table('notes')\n{NOTES}",
        "op.execute('SELECT 1')\n" + ADD + "\n" + UNADD,
        UP.format("drops table notes"),
    ),
    "narrows a type": (
        batch(typed("String(20)")),
        batch(typed("String(80)")),
        UP.format(
            "makes users.name VARCHAR(20), which refuses or cuts off values of more than 20"
            " characters"
        ),
    ),
    "narrows it back": (
        batch(typed("Text()")),
        batch(typed("String(80)")),
        DOWN.format(
            "makes users.name VARCHAR(80), which refuses or cuts off values of more than"
            " 80 characters"
        ),
    ),
    "deletes rows": (
        "op.execute('DELETE FROM notes WHERE id = 1')",
        "op.execute('INSERT INTO notes VALUES (1)')",
        UP.format("deletes rows of notes"),
    ),
    "deletes all rows on the way back": (
        ADD,
        f"op.execute('DELETE FROM notes')\n{UNADD}",
        DOWN.format("deletes all rows of notes"),
    ),
    "overwrites values": (
        "op.execute('UPDATE users SET mail = lower(mail)')",
        "op.execute('UPDATE users SET mail = upper(mail)')",
        UP.format("overwrites values of users.mail")
        + " "
        + DOWN.format("overwrites values of users.mail"),
    ),
}


def looked_at(make_site: MakeSite, up: str, down: str) -> VerifiedRevision:
    """Return what is found of a revision that comes after others."""
    site = make_site()
    add_revision(site.folder, "before", up=BEFORE, down=AFTER)
    add_revision(site.folder, "it", "before", up=up, down=down)
    found = verified(site).of("it")
    assert found is not None
    return found


@pytest.mark.parametrize("case", KEPT)
def test_what_takes_nothing_is_proven(make_site: MakeSite, case: str) -> None:
    """What a downgrade drops that its own upgrade has made is no loss."""
    found = looked_at(make_site, *KEPT[case])
    assert (found.proof, found.reason) == ("proven", "")


@pytest.mark.parametrize("case", LOST)
def test_what_takes_something_is_lossy(make_site: MakeSite, case: str) -> None:
    """With what is lost, and on which way."""
    up, down, reason = LOST[case]
    found = looked_at(make_site, up, down)
    assert (found.proof, found.reason) == ("lossy", reason)


def test_a_sequence_loses_its_numbers(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """Nobody knows then which it has given."""
    site = make_site(postgresql_url)
    make, end = "op.execute('CREATE SEQUENCE a')", "op.execute('DROP SEQUENCE a')"
    add_revision(site.folder, "make", up=make, down=end)
    add_revision(site.folder, "end", "make", up=end, down=make)
    found = verified(site)
    assert [one.proof for one in found.revisions] == ["proven", "lossy"]
