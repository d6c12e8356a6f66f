"""A connection in a transaction that somebody else has begun and will end."""

from __future__ import annotations

import typing as t

import sqlalchemy as sa


class Borrowed:
    """A connection as it is lent to us, on which what is open stays open.

    It looks like a connection that is in no transaction. Where its owner has one open, what is
    done here is in a savepoint of it, which a commit keeps and a rollback undoes; else it has a
    transaction of its own.

    :param connection: The owner's.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self.lent = connection
        self._open: sa.Transaction | None = None

    def execute(self, *arguments: t.Any, **options: t.Any) -> t.Any:
        """Execute a statement."""
        self._begin()
        return self.lent.execute(*arguments, **options)

    def scalar(self, *arguments: t.Any, **options: t.Any) -> t.Any:
        """Execute a statement and return the first column of its first row."""
        self._begin()
        return self.lent.scalar(*arguments, **options)

    def scalars(self, *arguments: t.Any, **options: t.Any) -> t.Any:
        """Execute a statement and return the first column of its rows."""
        self._begin()
        return self.lent.scalars(*arguments, **options)

    def exec_driver_sql(self, *arguments: t.Any, **options: t.Any) -> t.Any:
        """Execute a text as it is."""
        self._begin()
        return self.lent.exec_driver_sql(*arguments, **options)

    def in_transaction(self) -> bool:
        """Return whether something of ours is open."""
        return self._open is not None and self._open.is_active

    def commit(self) -> None:
        """Keep what was done here, as far as the owner keeps it."""
        self._end("commit")

    def rollback(self) -> None:
        """Undo what was done here since the last commit."""
        self._end("rollback")

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self.lent, name)

    def _begin(self) -> None:
        if self.in_transaction():
            return

        within = self.lent.in_transaction()
        self._open = self.lent.begin_nested() if within else self.lent.begin()

    def _end(self, how: t.Literal["commit", "rollback"]) -> None:
        ended, self._open = self._open, None

        if ended is not None and (ended.is_active or how == "rollback"):
            getattr(ended, how)()


def borrowed(connection: sa.Connection) -> sa.Connection:
    """Return a connection that leaves open what its owner has open.

    :param connection: The owner's.
    """
    return t.cast("sa.Connection", Borrowed(connection))
