"""Migrations that do what no migration should: each gets a verdict that is true."""

from __future__ import annotations

import pytest

from flask_alembic_admin.core.ledger.tables import RunRecord

from .child import Answer
from .place import Place


def fork(child: str) -> str:
    """Return the code that forks a child which does something."""
    return f"import os, sys\nchild = os.fork()\nif not child:\n    {child}\nos.waitpid(child, 0)"


#: What does its work all the same.
HARMLESS = {
    "prints": "print('hello', flush=True)",
    "forks": fork("os._exit(0)"),
    "forks a child that exits": fork("sys.exit(0)"),
    "forks a child that raises": fork("raise ValueError('in the child')"),
    "forks a child that goes on": fork("pass"),
    "forks a child that uses the connection": fork("op.execute('SELECT 1')"),
    "changes logging": "import logging.config\n"
    "logging.config.dictConfig({'version': 1, 'disable_existing_loggers': True,"
    " 'root': {'level': 'CRITICAL', 'handlers': []}})",
    "opens a savepoint": "op.get_bind().begin_nested()",
    "starts a thread": "import threading\nthreading.Thread(target=print).start()",
}

#: What cannot be said to have worked.
HARMFUL = {
    "exits": "raise SystemExit(0)",
    "is interrupted": "raise KeyboardInterrupt",
    "closes its connection": "op.get_bind().close()",
    "commits and begins": "bind = op.get_bind()\nbind.commit()\nbind.begin()",
    "rolls back": "op.get_bind().rollback()",
    "raises what cannot be shown": "class Odd(Exception):\n    __str__ = None\nraise Odd",
}


def run(place: Place, body: str) -> tuple[Answer, RunRecord]:
    """Run three revisions, the second of which does something, in a process of their own."""
    place.add("a1")
    place.add("b2", body)
    place.add("c3")

    with place.child() as child:
        child.go()
        answer = child.answer()

    return answer, place.record()


@pytest.mark.parametrize("body", HARMLESS.values(), ids=HARMLESS)
def test_a_migration_that_is_odd_succeeds(place: Place, body: str) -> None:
    """Each revision is applied once, and that is what the record says."""
    answer, record = run(place, body)
    assert answer == Answer(("a1", "b2", "c3"))
    assert place.witnesses() == ["a1", "b2", "c3"]
    assert (record.status, record.error) == ("succeeded", None)
    assert record.heads_after == place.heads() == ("c3",)
    assert set(place.steps(record.id).values()) == {"done"}


@pytest.mark.parametrize("body", HARMFUL.values(), ids=HARMFUL)
def test_a_migration_that_breaks_its_run_fails(place: Place, body: str) -> None:
    """What was before it stays, what comes after it is not begun, and nothing is hidden."""
    answer, record = run(place, body)
    assert answer.error
    assert (record.status, record.heads_after) == ("failed", place.heads())
    assert place.heads() == ("a1",)
    assert place.steps(record.id) == {"a1": "done", "b2": "failed", "c3": "waiting"}
    assert "t_c3" not in place.tables()


def test_a_migration_that_commits_is_found_out_or_was_right(place: Place) -> None:
    """Committing takes the step out of Alembic's hands; the verdict follows the version table."""
    answer, record = run(place, "op.get_bind().commit()")
    assert record.heads_after == place.heads()
    assert (record.status == "succeeded") == (answer.error == "")
    assert (record.status == "succeeded") == (place.heads() == ("c3",))
    assert place.witnesses() == ["a1", "b2", "c3"][: 3 if record.status == "succeeded" else 2]


SETTINGS = {
    "sqlite": "PRAGMA busy_timeout = 1",
    "postgresql": "SET search_path TO public, pg_catalog",
    "mysql": "SET SESSION sql_mode = 'ANSI_QUOTES', SESSION lock_wait_timeout = 77",
}


def test_what_a_migration_sets_stays_in_its_session(place: Place) -> None:
    """The run succeeds, and the app's next connection is as it always was."""
    place.add("a1", f'op.execute("{SETTINGS[place.dialect]}")')
    asked = {
        "sqlite": "PRAGMA busy_timeout",
        "postgresql": "SHOW search_path",
        "mysql": "SELECT @@sql_mode, @@lock_wait_timeout",
    }[place.dialect]

    with place.app.app_context():
        engine = place.alembic.project.databases["default"].engine

        with engine.connect() as connection:
            before = connection.exec_driver_sql(asked).one()

        place.upgrade()

        with engine.connect() as connection:
            assert connection.exec_driver_sql(asked).one() == before

    assert place.record().status == "succeeded"


FREED = {
    "postgresql": ["SELECT pg_advisory_unlock_all()", "DISCARD PLANS"],
    "mysql": ["SELECT RELEASE_ALL_LOCKS()"],
}


def test_a_migration_that_frees_the_lock_is_found_out(place: Place) -> None:
    """All is applied, but somebody else may have been at work: no success is claimed."""
    if place.dialect == "sqlite":
        body = f"import os\nos.remove({f'{place.url.database}.alembic-admin.lock'!r})"
    else:
        body = "\n".join(f"op.execute({sql!r})" for sql in FREED[place.dialect])

    answer, record = run(place, body)
    assert answer.error == "LockLost"
    assert (record.status, record.error_class) == ("failed", "LockLost")
    assert place.witnesses() == ["a1", "b2", "c3"]
    assert record.heads_after == place.heads() == ("c3",)


def test_what_a_migration_logs_is_kept_whatever_it_does_to_logging(place: Place) -> None:
    """Lines before the change are there; the steps after it are recorded as ever."""
    body = "import logging\nlogging.getLogger('shop').error('half of it')\n"
    _, record = run(place, body + HARMLESS["changes logging"])
    assert "half of it" in place.log(record.id)
    assert place.steps(record.id)["c3"] == "done"
