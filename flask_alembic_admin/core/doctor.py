"""What was recognised of a project, and what about it cannot work."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

import sqlalchemy as sa

from ..errors import MigrationError
from .databases.engines import is_not_made
from .project import Project

#: What a fact is: in order, worth knowing, or in the way of every run.
Kind: t.TypeAlias = t.Literal["ok", "note", "problem"]


@dataclasses.dataclass(frozen=True)
class Fact:
    """One thing that is true of a project.

    :param kind: Whether anything has to be done about it.
    :param subject: What it is about.
    :param text: What is so.
    :param cure: What to do about it; empty where nothing has to be done.
    """

    kind: Kind
    subject: str
    text: str
    cure: str = ""


def examine(project: Project, x_arguments: c.Sequence[str] = ()) -> list[Fact]:
    """Return what was recognised of a project; no database is changed and no migration is run.

    An ``env.py`` is run once, with nothing to migrate.

    :param project: What is fixed.
    :param x_arguments: What ``context.get_x_argument()`` gives in it.
    """
    return [
        *_of_folder(project),
        *_of_files(project),
        *_of_env(project, x_arguments),
        *_of_databases(project),
    ]


def _of_folder(project: Project) -> c.Iterator[Fact]:
    scripts = project.scripts
    env = scripts.env
    how = f" ({env.found})" if env is not None and env.found else ""
    yield Fact("ok", "script folder", f"{scripts.folder}{how}")

    for folder in scripts.folders:
        if folder.is_dir():
            yield Fact("ok", "revision files", f"{folder}")
        else:
            cure = f"Make it with '{scripts.making}'."
            yield Fact("note", "revision files", f"{folder} does not exist.", cure)


def _of_files(project: Project) -> c.Iterator[Fact]:
    history = project.scripts.history()
    count = len(history.revisions)
    revisions = f"{count} {'revision' if count == 1 else 'revisions'}"
    heads = f"{len(history.heads)} {'head' if len(history.heads) == 1 else 'heads'}"
    yield Fact("ok", "history", f"{revisions}, {heads}")

    for problem in history.problems:
        if problem.kind != "computed":
            yield Fact("problem", "history", problem.message, problem.cure)


def _of_env(project: Project, x_arguments: c.Sequence[str]) -> c.Iterator[Fact]:
    env = project.env

    if env is None:
        yield Fact("ok", "env.py", "none is run")
        return

    yield Fact("ok", "env.py", f"{env.env_py} is run to migrate and to compare")

    for file in (env.ini_file, env.toml_file):
        if file is not None:
            yield Fact("ok", "configuration", str(file))

    if env.problem is not None:
        yield Fact("problem", "configuration", env.problem.message, env.problem.cure)
        return

    if env.text.computed:
        names = ", ".join(env.text.computed)
        yield Fact(
            "note",
            "env.py",
            f"{names} can only be told by running it; pages show Alembic's default until the first "
            "plan.",
            "Write it as a constant, so that every page knows it at once.",
        )

    try:
        project.learn_options(x_arguments)
    except MigrationError as error:
        yield Fact("problem", "env.py", error.message, error.cure)
    else:
        yield from _of_options(project)


def _of_options(project: Project) -> c.Iterator[Fact]:
    for name in project.databases:
        options = project.options(name)

        if not options.get("transaction_per_migration", False):
            yield Fact(
                "note",
                "env.py",
                f"The steps of a run of database '{name}' share one transaction, where its server "
                "can roll back schema changes: a step that fails takes those before it back too.",
                "Pass transaction_per_migration=True to configure() to keep what was done.",
            )


def _of_databases(project: Project) -> c.Iterator[Fact]:
    for name, database in project.databases.items():
        text = f"{database.masked_url}, version in {project.version_table(name)}"
        subject = f"database '{name}'"

        if is_not_made(database.engine):
            yield Fact("ok", subject, f"{text}; the first upgrade makes its file")
            continue

        try:
            with database.connect():
                yield Fact("ok", subject, text)
        except MigrationError as error:
            yield Fact("problem", subject, error.message, error.cure)
        except sa.exc.SQLAlchemyError as error:
            yield Fact("problem", subject, f"{text}: {database.describe_error(error)}.")
