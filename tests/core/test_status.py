from __future__ import annotations

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.status import database_status
from flask_alembic_admin.core.status import DatabaseStatus

from ..apps import add_line
from ..apps import add_revision
from ..apps import MakeSite
from ..apps import Site


def _status(site: Site) -> DatabaseStatus:
    with site.app.app_context():
        return database_status(site.alembic.project, "default")


def test_a_database_that_was_never_migrated(make_site: MakeSite, database_url: sa.URL) -> None:
    """Everything is pending, and looking has made no table."""
    site = make_site(database_url)
    add_line(site.folder, "a1", "b2")
    status = _status(site)
    assert (status.state, status.pending) == ("never migrated", ("a1", "b2"))
    assert status.sentence == "No migration was ever run; 2 revisions are not applied."
    assert sa.inspect(site.engine).get_table_names() == []


def test_a_database_with_pending_revisions(make_site: MakeSite) -> None:
    """They are in the order in which they would run."""
    site = make_site()
    add_line(site.folder, "a1", "b2")

    with site.app.app_context():
        site.alembic.upgrade("a1")

    status = _status(site)
    assert (status.state, status.current, status.pending) == ("pending", ("a1",), ("b2",))
    assert status.sentence == "1 revision is not applied."


def test_a_database_that_is_up_to_date(make_site: MakeSite) -> None:
    """Nothing is left to run."""
    site = make_site()
    add_line(site.folder, "a1")
    site.upgrade()
    status = _status(site)
    assert (status.state, status.current, status.heads) == ("up to date", ("a1",), ("a1",))


def test_a_project_without_revisions_is_up_to_date(make_site: MakeSite) -> None:
    """There is nothing that could be pending."""
    assert _status(make_site()).state == "up to date"


def test_a_dependency_among_the_heads_is_no_second_head(make_site: MakeSite) -> None:
    """After a complete upgrade it is in no version table."""
    site = make_site()
    add_revision(site.folder, "a1")
    add_revision(site.folder, "b2", depends_on="a1")
    site.upgrade()
    assert _status(site).state == "up to date"


def test_a_database_with_several_heads(make_site: MakeSite) -> None:
    """All is applied, and the next plain revision would not know where to go."""
    site = make_site()
    add_revision(site.folder, "a1")
    add_revision(site.folder, "b2")
    site.upgrade()
    status = _status(site)
    assert status.state == "several heads"
    assert status.sentence == "All revisions are applied; there are 2 heads."


def test_a_database_ahead_of_the_files(make_site: MakeSite) -> None:
    """Pending is not known then, and not said."""
    site = make_site()
    add_line(site.folder, "a1")
    site.upgrade()
    site.execute("UPDATE alembic_version SET version_num = 'gone'")
    status = _status(site)
    assert (status.state, status.unknown, status.pending) == ("ahead", ("gone",), ())
    assert status.sentence.startswith("It holds gone, which no revision file here has")


def test_broken_files(make_site: MakeSite) -> None:
    """The first problem is told; what the database holds is known all the same."""
    site = make_site()
    add_line(site.folder, "a1")
    site.upgrade()
    path = site.folder / "broken.py"
    path.write_text("revision = (")
    status = _status(site)
    assert (status.state, status.current, status.pending) == ("broken scripts", ("a1",), ())
    assert status.sentence.startswith(f"{path}, line 1: this is no valid Python: ")


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "mysql+pymysql"])
def test_an_unreachable_database(make_site: MakeSite, driver: str) -> None:
    """Nothing is known, so nothing is shown as done."""
    site = make_site(sa.make_url(f"{driver}://me:s3cret@127.0.0.1:1/shop"))
    add_line(site.folder, "a1")
    status = _status(site)
    assert (status.state, status.current, status.pending) == ("unreachable", (), ())
    assert status.sentence.startswith("No connection: ")
    assert "s3cret" not in repr(status)
    assert status.heads == ("a1",)


def test_a_version_table_that_cannot_be_read(make_site: MakeSite, postgresql_url: sa.URL) -> None:
    """The server's reason is told."""
    site = make_site(postgresql_url)
    site.execute("CREATE TABLE alembic_version (something integer)")
    status = _status(site)
    assert status.state == "unreachable"
    assert status.sentence.startswith("The version table cannot be read: UndefinedColumn: ")


def test_another_version_table_is_read(make_site: MakeSite) -> None:
    """The one that ``ALEMBIC_CONTEXT`` names."""
    site = make_site(config={"ALEMBIC_CONTEXT": {"version_table": "versions"}})
    add_line(site.folder, "a1")
    site.upgrade()
    assert _status(site).state == "up to date"
