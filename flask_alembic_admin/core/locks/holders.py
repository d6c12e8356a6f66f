"""Who takes a lock, and who has it."""

from __future__ import annotations

import dataclasses
import datetime
import os
import socket


@dataclasses.dataclass(frozen=True)
class Owner:
    """Who takes a lock.

    :param actor: Who asked for the run.
    :param host: The name of the machine that carries it out.
    :param pid: The id of the process that carries it out.
    :param run: The run's id.
    """

    actor: str
    host: str
    pid: int
    run: str

    @classmethod
    def here(cls, actor: str, run: str) -> Owner:
        """Return this process as who takes a lock.

        :param actor: Who asked for the run.
        :param run: The run's id.
        """
        return cls(actor, socket.gethostname(), os.getpid(), run)


@dataclasses.dataclass(frozen=True)
class Holder:
    """Who has a lock, as far as it can be known without the ledger.

    :param actor: Who asked for the run.
    :param host: The machine it runs on, or the address that its session comes from.
    :param pid: Its process on that machine.
    :param run: Its id, to look it up in the ledger.
    :param since: When it got the lock.
    :param user: The database user of its session.
    :param session: The id of its session at the server; the ledger has it too.
    :param statement: What its session runs at this moment, with nothing secret in it.
    :param state: What its session does, in the server's words.
    """

    actor: str | None = None
    host: str | None = None
    pid: int | None = None
    run: str | None = None
    since: datetime.datetime | None = None
    user: str | None = None
    session: str | None = None
    statement: str | None = None
    state: str | None = None

    def __str__(self) -> str:
        session = f"session {self.session}" if self.session else None
        user = f"database user {self.user}" if self.user else None
        facts = [
            f"run {self.run}" if self.run else session or "a session",
            f"of {self.actor or user}" if self.actor or user else None,
            f"at {self.host}" if self.host else None,
            f"(process {self.pid})" if self.pid else None,
            f"({session})" if session and self.run else None,
            f"since {self.since:%Y-%m-%d %H:%M:%S %Z}" if self.since else None,
        ]
        return " ".join(fact for fact in facts if fact)
