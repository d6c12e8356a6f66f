"""Every error this project raises on purpose; all of them share one root."""

from __future__ import annotations


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
            "Check that the server runs and that the URL, the user and the network are right.",
        )
        self.database = database
        self.url = url
        self.reason = reason


class NotUpToDate(MigrationError):
    """Revisions are pending, so models and database cannot be compared for a new one."""


class Busy(MigrationError):
    """Another operation of this process uses Alembic's module-wide objects for too long."""


class PlanMoved(MigrationError):
    """What a plan was made from has changed since, so that it must not be run.

    :param changes: What has moved, in sentences.
    """

    def __init__(self, changes: list[str]) -> None:
        super().__init__(f"Things moved since this was planned: {' '.join(changes)}", "Plan again.")
        self.changes = changes


class RunFailed(MigrationError):
    """A run stopped before its end.

    :param message: What went wrong, redacted.
    :param database: The database's name.
    :param applied: Ids of the revisions that were carried out and stay so.
    :param failed: Id of the revision that failed, or None where no step had begun.
    :param heads: What the database's version table held afterwards.
    """

    def __init__(
        self,
        message: str,
        *,
        database: str,
        applied: tuple[str, ...] = (),
        failed: str | None = None,
        heads: tuple[str, ...] = (),
        cure: str = "",
    ) -> None:
        super().__init__(message, cure)
        self.database = database
        self.applied = applied
        self.failed = failed
        self.heads = heads
