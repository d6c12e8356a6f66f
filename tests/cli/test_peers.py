"""What people know from Flask-Alembic and from Flask-Migrate works here too."""

from __future__ import annotations

import click
import pytest

from flask_alembic_admin.cli import COMMANDS

from .workplaces import Workplace

BY_NAME = {str(command.name): command for command in COMMANDS}

#: Every command of Flask-Alembic 3.3, with all of its options.
FLASK_ALEMBIC = {
    "mkdir": "",
    "current": "--check-heads -v --verbose",
    "heads": "--resolve-dependencies -v --verbose",
    "branches": "-v --verbose",
    "log": "--start --end -v --verbose",
    "show": "",
    "check": "",
    "stamp": "",
    "upgrade": "",
    "downgrade": "",
    "revision": "--empty -b --branch -p --parent --splice -d --depend -l --label --path",
    "merge": "-m --message -l --label",
}

#: Commands of Flask-Migrate 4 with the options that can mean something without an `env.py`:
#: its folder and its template are configured or gone.
FLASK_MIGRATE = {
    "init": "--multidb",
    "revision": "-m --message --autogenerate --head --splice --branch-label --version-path "
    "--rev-id",
    "migrate": "-m --message --head --splice --branch-label --version-path --rev-id -x --x-arg",
    "edit": "",
    "merge": "-m --message --branch-label --rev-id",
    "upgrade": "--sql --tag -x --x-arg",
    "downgrade": "--sql --tag -x --x-arg",
    "show": "",
    "history": "-r --rev-range -v --verbose -i --indicate-current",
    "heads": "-v --verbose --resolve-dependencies",
    "branches": "-v --verbose",
    "current": "-v --verbose",
    "stamp": "--sql --tag",
}


def options_of(command: click.Command) -> set[str]:
    return {name for p in command.params for name in (*p.opts, *p.secondary_opts)}


@pytest.mark.parametrize("name", FLASK_ALEMBIC)
def test_flask_alembic_s_options_are_here(name: str) -> None:
    """Each under its name."""
    assert set(FLASK_ALEMBIC[name].split()) <= options_of(BY_NAME[name])


@pytest.mark.parametrize("name", FLASK_MIGRATE)
def test_flask_migrate_s_options_are_here(name: str) -> None:
    """Each under its name."""
    assert set(FLASK_MIGRATE[name].split()) <= options_of(BY_NAME[name])


def test_a_day_with_flask_alembic_s_words(empty: Workplace) -> None:
    """The commands of its documentation, in order."""
    for line in [
        "mkdir",
        "revision one",
        "upgrade",
        "downgrade 1",
        "upgrade",
        "revision two --empty -p head -l label",
        "upgrade label",
        "revision three --empty -b other",
        "upgrade heads",
        "current -v",
        "current --check-heads",
        "heads --resolve-dependencies",
        "log --start base --end heads",
        "show heads",
        "check",
        "merge heads -m join -l joined",
        "upgrade",
        "branches",
        "downgrade base",
        "stamp",
    ]:
        result = empty.db(*line.split())
        assert result.exit_code == 0, (line, result.output)


def test_a_day_with_flask_migrate_s_words(empty: Workplace) -> None:
    """The commands of its documentation, in order."""
    for line in [
        "init",
        "migrate -m one --rev-id one01",
        "upgrade",
        "revision -m two --rev-id two02 --head one01",
        "upgrade --sql",
        "upgrade -x a=b",
        "revision -m three --rev-id three02 --head one01 --splice --branch-label side",
        "history -r one01:two02 -v -i",
        "heads -v",
        "branches -v",
        "merge -m join two02 three02 --rev-id join03 --branch-label joined",
        "show",
        "show one01",
        "edit",
        "stamp head",
        "current -v",
        "downgrade --sql join03:two02",
        "downgrade one01 -x a=b",
        "downgrade",
        "downgrade base",
    ]:
        result = empty.db(*line.split())
        assert result.exit_code == 0, (line, result.output)
