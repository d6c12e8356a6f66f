"""Every error this project raises on purpose; all of them share one root."""

from __future__ import annotations

import typing as t

#: How the commands are called where nobody has given them another name.
COMMAND = "flask db"


class MigrationError(Exception):
    """The root of all errors raised by Flask-Alembic-Admin.

    :param message: What is wrong, naming the config key or the argument.
    :param cure: What to write or do instead, as a sentence.
    """

    def __init__(self, message: str, cure: str = "") -> None:
        super().__init__(f"{message} {cure}".rstrip())
        self.message = message
        self.cure = cure


class SetupError(MigrationError):
    """The configuration of the app or of an extension cannot work."""


class TargetError(MigrationError):
    """A target or an argument names no revision, or more than one where one is needed."""


class ScriptError(MigrationError):
    """The revision files cannot be read as a history.

    :param message: What is wrong, with the file and the line where they are known.
    :param cure: What to do about it.
    """


class EnvPyError(MigrationError):
    """The ``env.py`` of a script folder cannot be run, or does not do what one has to do."""


class UnknownRevisionError(MigrationError):
    """A database holds a revision that no file here has.

    :param database: The database's name.
    :param revisions: The ids that no file has.
    """

    def __init__(self, database: str, revisions: tuple[str, ...]) -> None:
        super().__init__(
            f"Database '{database}' is at {', '.join(revisions)}, which no revision file here has.",
            "Deploy the code that has it, restore the file, or say where the database really is "
            "with 'stamp --purge TARGET' (in code: stamp(TARGET, purge=True)).",
        )
        self.database = database
        self.revisions = revisions


class UnreachableDatabase(MigrationError):
    """No connection to a database could be opened.

    :param database: The database's name.
    :param url: Its URL with everything secret masked.
    :param reason: The driver's error class and redacted first line.
    """

    def __init__(self, database: str, url: str, reason: str) -> None:
        super().__init__(
            f"Database '{database}' at {url} cannot be reached: {reason}.",
            "Check that its folder is there and can be written to, and that it is a database."
            if url.startswith("sqlite")
            else "Check that the server runs and that the URL, the user and the network are right.",
        )
        self.database = database
        self.url = url
        self.reason = reason


class NotUpToDate(MigrationError):
    """Revisions are pending, so models and database cannot be compared for a new one."""


class Busy(MigrationError):
    """Another operation of this process uses Alembic's module-wide objects for too long."""


class Locked(MigrationError):
    """Somebody else holds the lock of a database.

    :param database: The database's name.
    :param holder: Who holds it, a ``Holder`` of ``core.locks``; None where nobody can tell.
    :param cure: What to do about it.
    """

    def __init__(self, database: str, holder: t.Any, cure: str) -> None:
        by = "somebody who cannot be named" if holder is None else str(holder)
        super().__init__(f"The lock of database '{database}' is held by {by}.", cure)
        self.database = database
        self.holder = holder


class LockLost(MigrationError):
    """A connection does not hold the lock that it should hold.

    :param database: The database's name.
    :param reason: What happened to it, as the end of a sentence.
    """

    def __init__(self, database: str, reason: str) -> None:
        super().__init__(
            f"This connection does not hold the lock of database '{database}': {reason}.",
            "Another run may be at work there by now: look before you run anything again.",
        )
        self.database = database


class PooledConnection(MigrationError):
    """A pooler such as PgBouncer hands out server sessions in turn, so none can keep a lock.

    :param database: The database's name.
    :param url: Its URL with everything secret masked.
    """

    def __init__(self, database: str, url: str) -> None:
        super().__init__(
            f"Database '{database}' at {url} is reached through a connection pooler such as "
            "PgBouncer, where a lock does not stay with the one who took it.",
            "Give a direct URL, one that leads to the PostgreSQL server itself, for migrations.",
        )
        self.database = database
        self.url = url


class OutsideScratch(MigrationError):
    """A revision that is tried out on a scratch database reaches for something else.

    :param wanted: What it reaches for, as the end of a sentence.
    """

    def __init__(self, wanted: str) -> None:
        super().__init__(
            f"It reaches for {wanted}, which is not the scratch database.",
            "Send all through op, and only what concerns the database itself.",
        )
        self.wanted = wanted


class PlanMoved(MigrationError):
    """What a plan was made from has changed since, so that it must not be run.

    :param changes: What has moved, in sentences.
    """

    def __init__(self, changes: list[str]) -> None:
        super().__init__(f"Things moved since this was planned: {' '.join(changes)}", "Plan again.")
        self.changes = changes


class NotRehearsable(MigrationError):
    """A plan cannot be rehearsed, or a step does what a rehearsal refuses."""


class LedgerUnavailable(MigrationError):
    """A run cannot be recorded, so it does not begin."""


class Interrupted(MigrationError):
    """An earlier run left a database in doubt, and nobody has examined it since.

    :param database: The database's name.
    :param run: The id of that run.
    :param step: The revision that may be half done.
    :param command: How the commands are called.
    """

    def __init__(self, database: str, run: str, step: str, command: str = COMMAND) -> None:
        super().__init__(
            f"Database '{database}' is in doubt: run {run} ended in {step}, which may be half "
            "done, since this server cannot roll schema changes back.",
            "Look at the database, then say what you found: "
            f"{command} runs examine {run} --reason '...'.",
        )
        self.database = database
        self.run = run
        self.step = step


class RunCancelled(MigrationError):
    """A run stopped before a step because somebody asked it to.

    :param database: The database's name.
    :param applied: Ids of the revisions that were carried out and stay so.
    :param heads: What the database's version table holds.
    """

    def __init__(self, database: str, applied: tuple[str, ...], heads: tuple[str, ...]) -> None:
        super().__init__(
            f"The run of database '{database}' was cancelled after {len(applied)} "
            f"{'step' if len(applied) == 1 else 'steps'}; the database is at "
            f"{', '.join(heads) or 'base'}.",
            "Plan the rest again.",
        )
        self.database = database
        self.applied = applied
        self.heads = heads


class RunFailed(MigrationError):
    """A run stopped before its end.

    :param message: What went wrong, redacted.
    :param database: The database's name.
    :param applied: Ids of the revisions that were carried out and stay so.
    :param failed: Id of the revision that failed, or None where no step had begun.
    :param heads: What the database's version table held afterwards, or None where nobody could
        read it.
    :param cure: What to do about it, where that is known.
    """

    def __init__(
        self,
        message: str,
        *,
        database: str,
        applied: tuple[str, ...] = (),
        failed: str | None = None,
        heads: tuple[str, ...] | None = None,
        cure: str = "",
    ) -> None:
        super().__init__(message, cure)
        self.database = database
        self.applied = applied
        self.failed = failed
        self.heads = heads


class HookFailed(RunFailed):
    """A ``before_run`` hook raised, so the run was stopped before it started.

    :param hook: The hook's name.
    :param reason: What it raised, redacted.
    :param database: The database's name.
    :param heads: What the database's version table holds.
    """

    def __init__(self, hook: str, reason: str, database: str, heads: tuple[str, ...]) -> None:
        super().__init__(
            f"The before_run hook {hook} failed, so nothing was run on database '{database}': "
            f"{reason.rstrip('.')}.",
            database=database,
            heads=heads,
            cure="Put right what it needs, and run it again.",
        )
        self.hook = hook
