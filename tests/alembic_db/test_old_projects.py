"""Projects that alembic-migrate has made go on as they are; so do those of ``flask db``."""

from __future__ import annotations

from pathlib import Path

import pytest

from .projects import PlainProject

#: What its `init` makes, in short: the environment is not run, since what it imports is gone.
ENV = """
from alembic_migrate.cli import get_base, import_models
raise SystemExit('this environment is not run')
"""
INI = """
[alembic]
# file_template = %%(rev)s_%%(slug)s
{more}

[loggers]
keys = root

[handler_console]
args = (sys.stderr,)

[formatter_generic]
format = %(levelname)-5.5s [%(name)s] %(message)s
"""
TEMPLATE = '''"""${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Create Date: ${create_date}

"""
from alembic import op
import sqlalchemy as sa
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade():
    ${upgrades if upgrades else "pass"}


def downgrade():
    ${downgrades if downgrades else "pass"}
'''
FIRST = '''"""empty message

Revision ID: f5855808ff1b
Revises:
"""
from alembic import op
import sqlalchemy as sa

revision = 'f5855808ff1b'
down_revision = None


def upgrade():
    op.create_table(
        'books',
        sa.Column('name', sa.String(), nullable=False),
        sa.Column('year', sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint('name'),
    )


def downgrade():
    op.drop_table('books')
'''


@pytest.fixture
def old(project: PlainProject) -> PlainProject:
    """A project with one revision, as alembic-migrate has left it."""
    project.write("migrations/README", "Generic single-database configuration.")
    project.write("migrations/env.py", ENV)
    project.write("migrations/alembic.ini", INI.format(more=""))
    project.write("migrations/script.py.mako", TEMPLATE)
    project.write("migrations/versions/f5855808ff1b_.py", FIRST)
    return project


def untouched(project: PlainProject) -> dict[str, bytes]:
    """Return what was there before, as bytes."""
    names = ("env.py", "alembic.ini", "script.py.mako", "README", "versions/f5855808ff1b_.py")
    return {name: Path(project.folder, "migrations", name).read_bytes() for name in names}


def test_an_old_project_goes_on(old: PlainProject) -> None:
    """Everything works, no file is edited, and new files are of its own template."""
    before = untouched(old)
    assert old.lines("current") == ["base (no revision is applied)", "1 revision pending"]
    old.lines("upgrade")
    assert old.schema() == {"books": ["name", "year"]}
    assert old.lines("migrate") == ["No changes detected: no revision was written."]
    with (old.folder / "model" / "book.py").open("a") as file:
        file.write("    pages = Column(Integer)\n")
    old.lines("migrate", "-m", "count pages")
    old.lines("upgrade")
    assert old.schema() == {"books": ["name", "year", "pages"]}
    new = next(path for path in old.revisions() if "count_pages" in path.name)
    assert "def upgrade():" in new.read_text()
    assert "down_revision = 'f5855808ff1b'" in new.read_text()
    old.lines("init")
    assert untouched(old) == before


def test_a_fresh_clone_has_no_folder_of_versions(old: PlainProject) -> None:
    """Git keeps no empty folder; new files go there all the same."""
    (old.folder / "migrations" / "versions" / "f5855808ff1b_.py").unlink()
    (old.folder / "migrations" / "versions").rmdir()
    assert old.lines("history") == ["no revisions"]
    old.lines("migrate")
    assert len(old.revisions()) == 1


def test_its_ini_file_says_how_files_are_called(old: PlainProject) -> None:
    """And where they are; what is for other programs is left alone."""
    old.write(
        "migrations/alembic.ini",
        INI.format(
            more="file_template = at_%%(rev)s\n"
            "version_locations = %(here)s/versions:%(here)s/more\n"
            "path_separator = os\n"
            "sqlalchemy.url = driver://user:pass@localhost/dbname"
        ),
    )
    old.lines("upgrade")
    old.lines("revision", "--rev-id", "b2", "--version-path", "migrations/more")
    assert (old.folder / "migrations" / "more" / "at_b2.py").exists()
    assert [item["revision"] for item in old.json("log")] == ["b2", "f5855808ff1b"]


def test_its_hooks_are_called(old: PlainProject) -> None:
    """Those of the ini file, after a file is written."""
    old.write(
        "migrations/alembic.ini",
        INI.format(more="")
        + "[post_write_hooks]\nhooks = mark\nmark.type = exec\nmark.executable = cp\n"
        "mark.options = REVISION_SCRIPT_FILENAME %(here)s/copy.txt\n",
    )
    old.lines("revision", "-m", "own")
    assert "own" in (old.folder / "migrations" / "copy.txt").read_text()


def test_an_ini_file_of_old_that_separates_by_spaces(old: PlainProject) -> None:
    """Nobody is asked to change it."""
    old.write("migrations/alembic.ini", INI.format(more="version_locations = a b, c"))
    old.write("b/f5855808ff1b_.py", FIRST)
    assert old.json("heads")[0]["file"] == str(old.folder / "b" / "f5855808ff1b_.py")


def test_a_folder_of_flask_db_has_its_files_in_itself(project: PlainProject) -> None:
    """New ones go beside them."""
    project.write("migrations/f5855808ff1b_.py", FIRST)
    project.write("migrations/script.py.mako", TEMPLATE)
    project.lines("upgrade")
    project.lines("revision", "-m", "more")
    assert len(project.revisions("migrations")) == 2
    assert len(project.lines("history")) == 2
