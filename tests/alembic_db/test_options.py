"""The commands of alembic-migrate with their options, and all that ``flask db`` has."""

from __future__ import annotations

import click
import pytest

from flask_alembic_admin.cli import COMMANDS
from flask_alembic_admin.cli.alembic_db import cli
from flask_alembic_admin.flask_db import cli as flask_db

from .projects import PlainProject

#: Commands of alembic-migrate 2.5.9 with all of their options.
ALEMBIC_MIGRATE = {
    "init": "--multidb",
    "revision": "-m --message --autogenerate --sql --head --splice --branch-label --version-path "
    "--rev-id",
    "migrate": "-m --message --sql --head --splice --branch-label --version-path --rev-id -x "
    "--x-arg",
    "edit": "",
    "merge": "-m --message --branch-label --rev-id",
    "upgrade": "--sql --tag -x --x-arg",
    "downgrade": "--sql --tag -x --x-arg",
    "show": "",
    "history": "-r --rev-range -v --verbose -i --indicate-current",
    "heads": "-v --verbose --resolve-dependencies",
    "branches": "-v --verbose",
    "current": "-v --verbose --head-only",
    "stamp": "--sql --tag",
}
#: Every command by what is written for it.
EVERY = {
    f"{name} {sub}".strip(): found
    for name, command in cli.commands.items()
    for sub, found in {
        "": command,
        **(command.commands if isinstance(command, click.Group) else {}),
    }.items()
}


def names_of(command: click.Command) -> set[str]:
    """Return the names of all options of a command."""
    return {name for p in command.params for name in (*p.opts, *p.secondary_opts) if name[0] == "-"}


@pytest.mark.parametrize("name", ALEMBIC_MIGRATE)
def test_alembic_migrate_s_options_are_here(name: str) -> None:
    """Each under its name, and the folder with every command."""
    wanted = {"-d", "--directory", *ALEMBIC_MIGRATE[name].split()}
    assert wanted <= names_of(cli.commands[name])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.name))
def test_whatever_flask_db_has_is_here(command: click.Command) -> None:
    """The same code, and every option but ``-d``, which is the folder here."""
    assert command.name is not None
    own = cli.commands[command.name]
    assert own.callback is command.callback
    assert names_of(command) - {"-d"} <= names_of(own)


def test_nothing_of_flask_db_has_changed() -> None:
    """Its commands are other objects."""
    assert "--depend" in names_of(flask_db.commands["revision"])
    assert "--url" not in {name for sub in flask_db.commands.values() for name in names_of(sub)}
    (depend,) = [p for p in flask_db.commands["revision"].params if p.name == "depend"]
    assert "-d" in depend.opts


@pytest.mark.parametrize("name", ["", *EVERY])
def test_help_is_given_anywhere(bare: PlainProject, name: str) -> None:
    """With no base module, in alembic-db's own words."""
    said = "\n".join(bare.lines(*name.split(), "--help"))
    assert said.startswith(f"Usage: alembic-db {name}".rstrip())
    assert "flask" not in said.replace("Flask-Migrate", "")
    assert bare.files() == set()


@pytest.mark.parametrize("text", ["url = 7", "= ="])
def test_help_is_given_with_a_broken_configuration(bare: PlainProject, text: str) -> None:
    """Whoever mends it may need it."""
    bare.write("pyproject.toml", f"[tool.alembic_db]\n{text}")
    bare.write("model/base.py", "raise ValueError")
    bare.lines("upgrade", "--help")


def test_a_revision_is_empty_unless_it_is_asked_to_be_filled(project: PlainProject) -> None:
    """As in alembic-migrate; ``migrate`` fills it."""
    project.lines("init")
    project.lines("revision", "-m", "nothing")
    project.lines("upgrade")
    project.lines("revision", "-m", "something", "--autogenerate")
    empty, filled = project.revisions()
    assert "create_table" not in empty.read_text()
    assert "create_table" in filled.read_text()


@pytest.mark.parametrize("command", ["revision", "migrate"])
def test_a_message_need_not_be_given(project: PlainProject, command: str) -> None:
    """It is Alembic's for none."""
    project.lines("init")
    project.lines(command)
    (file,) = project.revisions()
    assert file.read_text().startswith('"""empty message\n')


@pytest.mark.parametrize("command", ["revision", "migrate"])
def test_sql_of_what_writes_a_file_is_refused(project: PlainProject, command: str) -> None:
    """As Alembic refuses it."""
    project.lines("init")
    assert "--sql does not go with a command that writes" in project.refusal(command, "--sql")


def test_every_option_of_a_new_revision(project: PlainProject) -> None:
    """Those of alembic-migrate, in its words."""
    project.lines("init")
    project.lines("revision", "-m", "one", "--rev-id", "one", "-d", "migrations")
    project.lines("revision", "-m", "two", "--rev-id", "two", "--head", "one")
    project.lines(
        *("revision", "-m", "side", "--rev-id", "side", "--head", "one", "--splice"),
        *("--branch-label", "aside", "--version-path", "migrations/versions"),
    )
    assert project.json("heads")[0]["labels"] == ["aside", "default"]
    assert [head["revision"] for head in project.json("heads")] == ["side", "two"]
    project.lines("merge", "-m", "join", "--rev-id", "join", "two", "side")
    (head,) = project.json("heads")
    assert sorted(head["parents"]) == ["side", "two"]
    assert project.lines("history", "-r", "two:join")[0].startswith("two, side -> join")


def test_tags_and_x_arguments_reach_migrations(project: PlainProject) -> None:
    """In a run and in its SQL."""
    project.write(
        "migrations/versions/a1.py",
        """
        from alembic import context, op
        revision, down_revision = 'a1', None
        def upgrade():
            name = context.get_tag_argument() + context.get_x_argument(as_dictionary=True)['of']
            op.execute(f'CREATE TABLE {name} (id INTEGER)')
        """,
    )
    arguments = ("--tag", "notes", "-x", "of=_may")
    assert "CREATE TABLE notes_may (id INTEGER);" in project.lines("upgrade", "--sql", *arguments)
    project.lines("upgrade", *arguments)
    assert set(project.schema()) == {"notes_may"}


def test_another_folder_everywhere(project: PlainProject) -> None:
    """Each command takes it."""
    project.lines("init", "-d", "moves")
    project.lines("migrate", "-d", "moves", "-m", "begin")
    project.lines("upgrade", "-d", "moves")
    (line,) = project.lines("history", "--directory", "moves")
    assert line.endswith("(default) (head), begin")
    assert "migrations" not in {path.partition("/")[0] for path in project.files()}


def test_a_folder_that_is_missing_is_named(project: PlainProject) -> None:
    """With what makes it, in alembic-db's words."""
    said = project.refusal("upgrade", status=3)
    assert f"The script folder {project.folder / 'migrations'} does not exist." in said
    assert "Make it with 'alembic-db mkdir', or set 'directory' of [tool.alembic_db]" in said


def test_findings_name_the_command_and_the_options(project: PlainProject) -> None:
    """In what is to be written instead, too."""
    project.lines("init")
    project.lines("revision", "--rev-id", "one")
    project.lines("revision", "--rev-id", "two", "--head", "base")
    said = project.db("lint", "--from", "base", "-v").stdout
    assert "alembic-db merge" in said
    assert "flask db" not in said


def test_messages_name_the_command(project: PlainProject) -> None:
    """As it is called here."""
    project.lines("init")
    project.lines("migrate")
    assert "Run 'alembic-db upgrade' first" in project.refusal("migrate", status=1)
