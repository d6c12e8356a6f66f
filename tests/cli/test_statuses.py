from __future__ import annotations

import logging
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import click
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from flask_alembic_admin.cli import COMMANDS
from flask_alembic_admin.errors import ScriptError

from .workplaces import EVERY
from .workplaces import NOTES
from .workplaces import ORDERS
from .workplaces import USERS
from .workplaces import Workplace

EVERY_COMMAND = pytest.mark.parametrize("name", EVERY)
GROUPS = [(), *((str(c.name),) for c in COMMANDS if isinstance(c, click.Group))]

READING = [
    *("lint", "verify", "rehearse", "doctor"),
    *("current", "heads", "branches", "log", "history", "show", "check", "wait", "plan"),
    *("runs list", "runs show"),
]

#: What each command needs to be carried out on a database with revisions applied.
ARGUMENTS = {
    "revision": ["x", "--empty"],
    "migrate": ["-m", "x"],
    "edit": ["current"],
    "runs prune": ["--keep-days", "0"],
    "wait": ["--timeout", "0"],
}


@EVERY_COMMAND
def test_every_command_has_the_common_options(name: str) -> None:
    """Those that read have ``--json`` too."""
    options = {option for parameter in EVERY[name].params for option in parameter.opts}
    common = {"-v", "--verbose", "--database", "-x", "--x-arg", "--traceback"}
    assert common <= options
    assert ("--json" in options) == (name in READING)


@EVERY_COMMAND
def test_every_option_is_explained(name: str) -> None:
    """A help without words is none."""
    options = [p for p in EVERY[name].params if isinstance(p, click.Option)]
    assert not [option.opts for option in options if not option.help]


@EVERY_COMMAND
def test_the_help_of_a_command(name: str) -> None:
    """One sentence, in one line of the group's list; no line is wider than a terminal."""
    assert re.fullmatch(r"[A-Z][^\n]{10,58}\.", EVERY[name].help or "")
    group = click.Group("db", list(COMMANDS))
    result = CliRunner().invoke(group, [*name.split(), "--help"])
    assert all(len(line) <= 80 for line in result.output.splitlines())


@pytest.mark.parametrize("words", GROUPS, ids=lambda words: " ".join(words) or "db")
def test_the_help_of_a_group_cuts_no_sentence(words: tuple[str, ...]) -> None:
    """Each command stands there with all of its sentence."""
    group = click.Group("db", list(COMMANDS))
    output = CliRunner().invoke(group, [*words, "--help"]).output
    for word in words:
        group = t.cast(click.Group, group.commands[word])
    assert not [name for name, command in group.commands.items() if str(command.help) not in output]


@pytest.mark.parametrize(
    "arguments",
    [
        ["upgrade", "nothing"],
        ["upgrade", "--no-such-option"],
        ["no-such-command"],
        ["upgrade", "--database", "other"],
        ["show", "nothing"],
        ["log", "--start", "nothing"],
        ["downgrade", "-1"],
        ["stamp", "nothing"],
        ["merge", "nothing", "head"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_2(work: Workplace, arguments: list[str]) -> None:
    """The message is on standard error, and standard output is empty."""
    result = work.db(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert not result.stdout
    assert not work.tables()


def test_several_heads_where_one_is_needed_is_status_2(work: Workplace) -> None:
    """The message says what to write."""
    work.write("other01", None)
    result = work.db("upgrade", "head")
    assert result.exit_code == 2
    assert "Write 'heads' for all of them" in result.stderr


@pytest.mark.parametrize("command", ["current", "check", "upgrade", "downgrade", "stamp"])
def test_an_unreachable_database_is_status_3(nowhere: Workplace, command: str) -> None:
    """One message, without the password and without a traceback."""
    result = nowhere.db(command)
    assert result.exit_code == 3
    assert not result.stdout
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("Error: Database 'default' at postgresql+psycopg://me:***@")


def test_a_message_and_its_traceback_have_no_secret(
    nowhere: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password is masked wherever it stands."""

    def broken(*_: object) -> None:
        url = nowhere.engines["default"].url.render_as_string(hide_password=False)
        raise ScriptError(f"No way to {url}.")

    monkeypatch.setattr(nowhere.migrator, "heads", broken)
    stderr = nowhere.db("heads", "--traceback").stderr
    assert "Traceback" in stderr
    assert stderr.endswith("Error: No way to postgresql+psycopg://me:***@127.0.0.1:1/none.\n")
    assert "s3cret" not in stderr


@pytest.mark.parametrize("command", ["heads", "branches", "log", "history", "show"])
def test_what_files_say_needs_no_database(nowhere: Workplace, command: str) -> None:
    """No connection is opened for it."""
    assert nowhere.lines(command)


def test_what_the_server_refuses_is_a_message(tmp_path: Path, postgresql_url: sa.URL) -> None:
    """An error of the database is no bug: one line, no statement, status 3."""
    work = Workplace(tmp_path, {"default": postgresql_url}).write_three()
    work.execute("CREATE TABLE alembic_version (other integer)")
    result = work.db("current")
    assert result.exit_code == 3
    assert result.stderr.startswith("Error: UndefinedColumn: column ")
    assert "SELECT" not in result.stderr


def test_broken_files_are_status_3(work: Workplace) -> None:
    """The file and the line are in the message."""
    path = work.folder / "notes03.py"
    path.write_text("revision = (\n")
    result = work.db("upgrade")
    assert result.exit_code == 3
    assert result.stderr.startswith("Error: ")
    assert path.name in result.stderr
    assert not work.tables()


def test_a_bug_shows_its_traceback(work: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not an error of ours is not made to look like one."""

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(work.migrator, "heads", broken)
    result = work.db("heads")
    assert isinstance(result.exception, RuntimeError)
    assert "Error: " not in result.stderr


@EVERY_COMMAND
def test_commands_set_up_no_logging(work: Workplace, name: str) -> None:
    """No handler and no level of any logger is changed."""
    work.lines("mkdir")
    work.lines("upgrade", USERS)
    names = ["", "alembic", "alembic.runtime.migration", "sqlalchemy", "sqlalchemy.engine"]

    def state() -> object:
        loggers = [logging.getLogger(name) for name in names]
        return [(logger.level, list(logger.handlers), logger.disabled) for logger in loggers]

    before = state()
    work.db(*name.split(), *ARGUMENTS.get(name, []))
    assert state() == before


def test_x_arguments_reach_migrations(work: Workplace) -> None:
    """As a list and as a dictionary, under both names of the option."""
    path = work.folder / "seen"
    work.write(
        USERS,
        None,
        "import pathlib\n"
        f"pathlib.Path({str(path)!r}).write_text(repr("
        "[context.get_x_argument(), context.get_x_argument(as_dictionary=True)]))",
    )
    work.lines("upgrade", "+1", "-x", "tenant=one", "--x-arg", "size=a=b")
    assert path.read_text() == repr([["tenant=one", "size=a=b"], {"tenant": "one", "size": "a=b"}])


def test_x_arguments_reach_a_preview(work: Workplace) -> None:
    """The SQL of a run with a value is the SQL of that value."""
    work.write(USERS, None, "op.execute(context.get_x_argument(as_dictionary=True)['sql'])")
    assert "DROP TABLE one;" in work.lines("upgrade", USERS, "--sql", "-x", "sql=DROP TABLE one")


def test_a_tag_reaches_migrations_and_previews(work: Workplace) -> None:
    """As in Alembic; without one there is none."""
    work.write(USERS, None, "op.execute(f'CREATE TABLE {context.get_tag_argument()} (id INTEGER)')")
    assert "CREATE TABLE spring (id INTEGER);" in work.lines("upgrade", "--sql", "--tag", "spring")
    work.lines("upgrade", "+1", "--tag", "autumn")
    assert "autumn" in work.tables()
    assert "CREATE TABLE None (id INTEGER);" in work.lines("upgrade", "--sql", f"base:{USERS}")


def test_without_x_arguments_there_are_none(work: Workplace) -> None:
    """A migration that asks gets an empty list."""
    work.write(USERS, None, "assert context.get_x_argument() == []")
    work.lines("upgrade", "+1")


def test_commands_know_nothing_of_flask() -> None:
    """Importing them does not import it."""
    program = "import sys, flask_alembic_admin.cli; assert 'flask' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_group_without_a_migrator_says_so() -> None:
    """Whoever makes a group of the commands has to give it one."""
    result = CliRunner().invoke(click.Group("db", list(COMMANDS)), ["heads"])
    assert isinstance(result.exception, AssertionError)
    assert "no Migrator" in str(result.exception)


def test_the_workplace_has_three_revisions(work: Workplace) -> None:
    """What all these tests begin with."""
    assert [value["revision"] for value in work.json("log")] == [NOTES, ORDERS, USERS]
