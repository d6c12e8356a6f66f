"""How each kind of server makes a scratch database, empties one, and gets rid of it."""

from __future__ import annotations

import collections.abc as c
import secrets
import typing as t

import sqlalchemy as sa

from ...errors import SetupError
from ..databases.database import Database

#: How the names of databases begin that are created and dropped.
PREFIX = "alembic_admin_scratch_"

#: Seconds to wait for what may hold up the end of a scratch database.
PATIENCE = 30

#: The classes by the names of their dialects.
KINDS: dict[str, type[ScratchKind]] = {}


class Thing(t.NamedTuple):
    """Something that a database holds.

    :param kind: As SQL calls it, such as ``TABLE``.
    :param name: Quoted, with its schema where it has one.
    """

    kind: str
    name: str


class ScratchKind:
    """A kind of server; to add one, define a subclass that names its dialects.

    :param database: The one whose revisions are tried out.
    """

    dialects: t.ClassVar[tuple[str, ...]] = ()
    """The names of the SQLAlchemy dialects that talk to it."""

    def __init_subclass__(cls) -> None:
        for dialect in cls.dialects:
            if dialect in KINDS:
                raise TypeError(f"Two kinds for {dialect!r}: {KINDS[dialect]} and {cls}.")
            KINDS[dialect] = cls

    def __init__(self, database: Database) -> None:
        self.database = database

    # A database of our own.

    def new_name(self) -> str:
        """Return a name that no database has."""
        return f"{PREFIX}{secrets.token_hex(6)}"

    def create(self, name: str) -> sa.Engine:
        """Create an empty database and return what connects to it.

        :param name: As ``new_name`` gave it.
        :raises SetupError: It may not be created.
        """
        raise SetupError(
            f"No scratch database can be created for {self.database.dialect}.",
            self.cure("Name an empty database"),
        )

    def drop(self, name: str) -> None:
        """Drop a database that ``create`` has made, or was about to.

        :param name: Its name.
        """
        # Where none can be created there is none to drop.
        return

    def leftovers(self) -> tuple[str, ...]:
        """Return how to get rid of those that nobody works with and nobody dropped."""
        return ()

    def others(self, connection: sa.Connection) -> frozenset[str]:
        """Return the names of the databases that a session reaches besides its own.

        :param connection: To a scratch database.
        """
        return frozenset()

    def enclose(self, engine: sa.Engine) -> None:
        """Let no session of an engine out of its database, where its driver can see to that.

        :param engine: To a scratch database; nobody has connected by it before.
        """

    # One that somebody else has made.

    def contents(self, connection: sa.Connection) -> frozenset[Thing]:
        """Return all that a database holds and a migration may have made.

        :param connection: To it.
        """
        inspector = sa.inspect(connection)
        quote = connection.dialect.identifier_preparer.quote_identifier
        views = {Thing("VIEW", quote(name)) for name in inspector.get_view_names()}
        return frozenset(views | {Thing("TABLE", quote(n)) for n in inspector.get_table_names()})

    def is_empty(self, contents: c.Iterable[Thing]) -> bool:
        """Return whether nobody has put anything into a database.

        :param contents: What it holds.
        """
        return not list(contents)

    def empty(self, connection: sa.Connection, kept: frozenset[Thing]) -> None:
        """Drop what a database holds.

        :param connection: To it, in autocommit.
        :param kept: What was there before.
        """
        for thing in sorted(self.contents(connection) - kept, key=lambda one: one.kind != "VIEW"):
            connection.exec_driver_sql(f"DROP {thing.kind} {thing.name}")

    def cure(self, beginning: str) -> str:
        """Return what to write instead of having a database created.

        :param beginning: How the sentence begins.
        """
        name = self.database.name
        return f"{beginning} in ALEMBIC_ADMIN['scratch'], such as {{'{name}': '<its URL>'}}."

    def refused(self, error: sa.exc.DBAPIError, grant: str) -> SetupError:
        """Return why no database can be created.

        :param error: What the server said.
        :param grant: What its user would need.
        """
        user = self.database.engine.url.username or "this user"
        return SetupError(
            f"User '{user}' cannot create a scratch database for '{self.database.name}': "
            f"{self.database.describe_error(error).rstrip('.')}.",
            self.cure(f"{grant}, or name an empty database"),
        )
