"""Migrations that migrate."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from ..apps import add_revision
from .conftest import MakePlace
from .place import Place

UPGRADE = (
    "from flask import current_app\ncurrent_app.extensions['alembic'].{verb}(database={name!r})"
)


@pytest.mark.parametrize("verb", ["upgrade", "stamp"])
def test_a_migration_cannot_migrate_its_own_database(place: Place, verb: str) -> None:
    """It is told so in words, and nothing of its step is committed by the attempt."""
    place.add("a1")
    place.upgrade()
    place.add("b2", UPGRADE.format(verb=verb, name="default"))

    with place.child(wait=0) as child:
        child.go()
        answer = child.answer()

    assert answer.error == "RunFailed"
    assert "is being migrated by the very migration that asks for this" in answer.text
    assert place.record().status == "failed"
    assert place.heads() == ("a1",)

    if place.dialect == "postgresql":
        assert place.witnesses() == ["a1"]
        assert place.tables() == {"alembic_version", "t_a1"}


def test_a_migration_that_is_refused_its_own_database_and_goes_on_is_whole(place: Place) -> None:
    """Whoever swallows the error has changed nothing by asking."""
    ask = UPGRADE.format(verb="upgrade", name="default").replace("\n", "\n    ")
    place.add("a1", f"try:\n    {ask}\nexcept Exception as error:\n    print(error)\n1 / 0")

    with place.child(wait=0) as child:
        child.go()
        assert child.answer().error == "RunFailed"

    if place.dialect == "postgresql":
        assert place.witnesses() == []


def test_a_migration_can_migrate_another_database(make_place: MakePlace, tmp_path: Path) -> None:
    """Each has its lock, its run and its verdict."""
    other = sa.URL.create("sqlite", database=str(tmp_path / "other.sqlite"))
    place = make_place(others={"other": other})
    add_revision(
        place.folder / "migrations",
        "a1",
        up="if arguments['engine_name'] == 'default':\n"
        f"    {UPGRADE.format(verb='upgrade', name='other')}".replace(
            "current_app\ncurrent", "current_app\n    current"
        ),
    )

    with place.child(database="default") as child:
        child.go()
        assert child.answer().steps == ("a1",)

    records = place.ledger.runs()
    assert {(record.database, record.status.value) for record in records} == {
        ("default", "succeeded"),
        ("other", "succeeded"),
    }

    with sa.create_engine(other, poolclass=sa.NullPool).connect() as connection:
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == "a1"
