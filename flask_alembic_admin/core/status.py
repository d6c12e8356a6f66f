"""The state of a database, found by looking only."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

import sqlalchemy as sa

from ..errors import MigrationError
from ..errors import UnreachableDatabase
from .condition import interrupted_run
from .condition import is_lost
from .databases.version_table import read_heads
from .ledger.tables import RunRecord
from .project import Project
from .scripts.history import History
from .scripts.revision_files import Problem

State: t.TypeAlias = t.Literal[
    "up to date",
    "pending",
    "never migrated",
    "ahead",
    "several heads",
    "running",
    "interrupted",
    "unreachable",
    "broken scripts",
]


@dataclasses.dataclass(frozen=True)
class DatabaseStatus:
    """What is true of one database.

    :param name: Its name.
    :param dialect: Its SQL dialect.
    :param masked_url: Where it is, with everything secret masked.
    :param state: One word or two for all of it.
    :param sentence: The same for people.
    :param current: What its version table holds.
    :param unknown: Those of them that no file has.
    :param heads: The heads of the files.
    :param pending: Revisions still to run, in order.
    :param problems: Why the files cannot be run.
    :param run: The run that is going on, or that left the database in doubt.
    """

    name: str
    dialect: str
    masked_url: str
    state: State
    sentence: str
    current: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    run: RunRecord | None = None


def database_status(project: Project, name: str, history: History | None = None) -> DatabaseStatus:
    """Look at one database, at its runs and at the text of the files.

    Nothing is written, imported or locked.

    :param project: What is fixed.
    :param name: The database's name.
    :param history: What the files are, where they were looked at a moment ago.
    """
    status = _version_status(project, name, history or project.scripts.history())

    if status.state == "unreachable":
        return status

    # A ledger elsewhere may not answer; where the database is can be told all the same.
    with contextlib.suppress(sa.exc.SQLAlchemyError, MigrationError):
        active = project.ledger.active(name)

        if active is not None and not is_lost(project, active):
            who = f"{active.action} to {active.target}, started by {active.actor or 'somebody'}"
            return dataclasses.replace(
                status, state="running", sentence=f"A run is at work: {who}.", run=active
            )

        doubtful = interrupted_run(project, name, status.current)

        if doubtful is not None:
            sentence = (
                "A run ended in the middle of a step, which may be half done. Further runs are "
                "refused until somebody has looked."
            )
            return dataclasses.replace(status, state="interrupted", sentence=sentence, run=doubtful)

    return status


def _version_status(project: Project, name: str, history: History) -> DatabaseStatus:
    database = project.databases[name]
    look = _Look(name, database.dialect, database.masked_url, history)

    try:
        current = read_heads(database, project.options(name))
    except UnreachableDatabase as error:
        return look.status("unreachable", f"No connection: {error.reason}.")
    except sa.exc.SQLAlchemyError as error:
        reason = database.describe_error(error)
        return look.status("unreachable", f"The version table cannot be read: {reason}.")

    unknown = history.unknown(current)
    problems = tuple(problem for problem in history.problems if problem.kind != "computed")

    # Nothing can be run without what belongs to an env.py.
    if (wrong := project.scripts.problem) is not None:
        problems = (Problem("configuration", wrong.message, wrong.cure), *problems)

    if problems:
        sentence = f"{problems[0].message} {problems[0].cure}"
        return look.status("broken scripts", sentence, current, unknown, problems)

    if unknown:
        sentence = (
            f"It holds {', '.join(unknown)}, which no revision file here has: "
            "newer code was deployed, or a file was deleted."
        )
        return look.status("ahead", sentence, current, unknown)

    pending = history.pending(current)
    count = f"{len(pending)} {'revision is' if len(pending) == 1 else 'revisions are'} not applied."

    if not current and pending:
        ever = "No migration was ever run"

        if unknown_place := project.unknown_place(name):
            ever = (
                f"Where the version is kept is not known before a plan was made: env.py computes "
                f"{' and '.join(unknown_place)}. As far as {project.version_table(name)} tells, no "
                "migration was ever run"
            )

        return look.status("never migrated", f"{ever}; {count}", current)

    if pending:
        return look.status("pending", count, current)

    if len(history.heads) > 1 and len(history.effective_heads) > 1:
        sentence = f"All revisions are applied; there are {len(history.effective_heads)} heads."
        return look.status("several heads", sentence, current)

    return look.status("up to date", "All revisions are applied.", current)


@dataclasses.dataclass(frozen=True)
class _Look:
    name: str
    dialect: str
    masked_url: str
    history: History

    def status(
        self,
        state: State,
        sentence: str,
        current: tuple[str, ...] = (),
        unknown: tuple[str, ...] = (),
        problems: tuple[Problem, ...] = (),
    ) -> DatabaseStatus:
        known = state not in {"unreachable", "broken scripts"}
        return DatabaseStatus(
            name=self.name,
            dialect=self.dialect,
            masked_url=self.masked_url,
            state=state,
            sentence=sentence,
            current=current,
            unknown=unknown,
            heads=self.history.heads,
            pending=self.history.pending(current) if known and not unknown else (),
            problems=problems,
        )
