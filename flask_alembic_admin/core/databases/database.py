"""A named engine with the metadata that belongs to it, and what its server can do."""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import hashlib
import typing as t

import sqlalchemy as sa
from alembic.ddl.impl import DefaultImpl

from ...errors import SetupError
from ...errors import UnreachableDatabase
from ..redact import mask_url
from ..redact import redact
from ..servers import server_of
from .async_engines import sync_engine

if t.TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


@dataclasses.dataclass(frozen=True, eq=False)
class Database:
    """A named engine with the metadata that belongs to it.

    :param name: What people call it; the default one is ``default``.
    :param engine: Where its connections come from.
    :param metadata: The models' tables, one or more.
    """

    name: str
    engine: sa.Engine
    metadata: tuple[sa.MetaData, ...]

    @property
    def dialect(self) -> str:
        """The name of the SQL dialect, such as ``postgresql``."""
        return self.engine.dialect.name

    @property
    def masked_url(self) -> str:
        """The URL with everything secret masked."""
        return mask_url(self.engine.url)

    @property
    def rolls_back_ddl(self) -> bool:
        """Whether a failed migration leaves no trace, as Alembic knows this server."""
        return DefaultImpl.get_by_dialect(self.engine.dialect).transactional_ddl

    def check_metadata(self) -> None:
        """Refuse to compare metadata of which several have a table of the same name.

        :raises SetupError: They do.
        """
        seen: dict[str, sa.MetaData] = {}

        for metadata in self.metadata:
            for key in metadata.tables:
                if seen.setdefault(key, metadata) is not metadata:
                    raise SetupError(
                        f"Table '{key}' is in several of the metadata of database '{self.name}', "
                        "so that nobody can know which of them is meant.",
                        "Give it another name or another schema in one of them, or take it out.",
                    )

    def fingerprint(self, connection: sa.Connection) -> str:
        """Return a digest of the place a connection leads to; it tells two databases apart.

        It is what the server says of itself, so that another server behind the same URL is another
        place, and another URL to the same database is none.

        :param connection: In no transaction.
        """
        place = server_of(connection).place(connection)
        return hashlib.sha256(place.encode()).hexdigest()[:16]

    @contextlib.contextmanager
    def connect(self) -> c.Iterator[sa.Connection]:
        """Lend a connection that is in no transaction, and close it afterwards.

        :raises UnreachableDatabase: No connection could be opened.
        """
        with contextlib.closing(self.open()) as connection:
            yield connection

    def open(self) -> sa.Connection:
        """Return a connection that is in no transaction; the caller closes it.

        :raises UnreachableDatabase: No connection could be opened.
        """
        try:
            connection = self.engine.connect()
        except sa.exc.SQLAlchemyError as error:
            raise UnreachableDatabase(
                self.name, self.masked_url, self.describe_error(error)
            ) from None

        if _has_died(connection):
            # The next statement opens it anew; a run would end with it.
            connection.invalidate()

        # A listener on `engine_connect` that executes something begins a transaction, which
        # Alembic would take for the caller's: nothing would be committed, and nothing raised.
        if connection.in_transaction():
            connection.commit()

        return connection

    def describe_error(self, error: BaseException) -> str:
        """Return an error's class and first line, with nothing secret in it."""
        original = getattr(error, "orig", None) or error
        text = str(original).strip()
        first_line = text.splitlines()[0] if text else ""
        name = type(original).__name__
        return redact(f"{name}: {first_line}" if first_line else name, [self.engine.url])


def server_family(dialect: str) -> str:
    """Return what kind of server a dialect talks to: one kind answers to two names.

    :param dialect: The name of a dialect.
    """
    return "mysql" if dialect == "mariadb" else dialect


def pair_databases(
    metadatas: c.Mapping[str, c.Sequence[sa.MetaData]],
    engines: c.Mapping[str, sa.Engine | AsyncEngine],
) -> dict[str, Database]:
    """Join each metadata with the engine of the same name.

    :param metadatas: Lists of metadata by database name.
    :param engines: Engines by database name; those without metadata are left out.
    :raises SetupError: A mapping is empty, a metadata has no engine, or an async engine has no
        counterpart that needs no coroutines.
    """
    if not metadatas:
        raise SetupError(
            "No metadata is known, so there is nothing to migrate.",
            "Use Flask-SQLAlchemy, or pass 'metadatas' to Alembic(), "
            "such as Alembic(metadatas=Model.metadata).",
        )

    if not engines:
        raise SetupError(
            "No engine is known, so there is no database to migrate.",
            "Configure SQLALCHEMY_DATABASE_URI (Flask-SQLAlchemy) or SQLALCHEMY_ENGINES "
            "(Flask-SQLAlchemy-Lite) and call db.init_app(app), or pass 'engines' to Alembic().",
        )

    missing = [name for name in metadatas if name not in engines]

    if missing:
        raise SetupError(
            f"'metadatas' names {_quoted(missing)}, for which there is no engine "
            f"(engines: {_quoted(engines)}).",
            f"Add an engine named {_quoted(missing[:1])} to 'engines', to SQLALCHEMY_BINDS or to "
            "SQLALCHEMY_ENGINES, or rename the key in 'metadatas'.",
        )

    return {
        name: Database(name, sync_engine(name, engines[name]), tuple(metadata))
        for name, metadata in metadatas.items()
    }


def _quoted(names: c.Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _has_died(connection: sa.Connection) -> bool:
    """Return whether the server has closed a connection while it lay in its pool."""
    dialect, driver = connection.dialect, connection.connection.dbapi_connection

    try:
        dialect.do_ping(t.cast(t.Any, driver))
    except dialect.loaded_dbapi.Error as error:
        # What else is wrong with it is told by whatever is asked of it first.
        return dialect.is_disconnect(error, t.cast(t.Any, driver), None)

    return False
