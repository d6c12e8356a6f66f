"""Apps with a database that has something to lose, a copy of it, and plans to rehearse."""

from __future__ import annotations

import collections.abc as c
import contextlib
import typing as t

import sqlalchemy as sa

from flask_alembic_admin.core.rehearsal.result import Rehearsal

from ...apps import add_revision
from ...apps import create
from ...apps import drop
from ...apps import MakeSite
from ...apps import Site
from ...servers import own_database

VARIABLES = {"postgresql": "TEST_POSTGRESQL_URL", "mysql": "TEST_MARIADB_URL"}


def make_live(site: Site) -> None:
    """Bring a site to its first revision, with a table ``t_a1`` of three rows."""
    add_revision(site.folder, "a1", up=create("t_a1"), down=drop("t_a1"))

    with site.app.app_context():
        site.alembic.upgrade()

    site.execute("INSERT INTO t_a1 VALUES (1), (2), (3)")


@contextlib.contextmanager
def with_copy(make_site: MakeSite, url: sa.URL, **settings: t.Any) -> c.Iterator[Site]:
    """Lend a site at its first revision whose plans can be rehearsed, on a copy if it needs one.

    :param url: An empty database.
    :param settings: Further ones of ``ALEMBIC_ADMIN``.
    """
    variable = VARIABLES.get(url.get_backend_name())

    with contextlib.ExitStack() as stack:
        if variable is not None:
            copy = stack.enter_context(own_database(variable))
            restored = make_site(copy, name="copy")
            make_live(restored)
            settings["rehearsal"] = copy.render_as_string(hide_password=False)
            stack.callback(restored.engine.dispose)

        site = make_site(url, config={"ALEMBIC_ADMIN": settings})
        make_live(site)
        stack.callback(site.engine.dispose)
        yield site


def rehearsed(site: Site, action: t.Any = "upgrade", target: str = "heads") -> Rehearsal:
    """Plan and rehearse that."""
    with site.app.app_context():
        return site.alembic.rehearse(site.alembic.plan(action, target))
