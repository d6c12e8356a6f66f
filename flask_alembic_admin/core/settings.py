"""The options of ``ALEMBIC_ADMIN``: each with its default, its sentence and its check."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import difflib
import typing as t

from ..errors import SetupError
from .servers import Timeouts

RUNNERS = ("process", "inline", "manual")


@dataclasses.dataclass(frozen=True)
class Settings:
    """The options of the panel and of its runs."""

    #: How a run's own process loads the app, as ``flask --app`` takes it. By default FLASK_APP,
    #: or the way the server was started.
    app: str | None = None

    #: How a run is started: ``process``, in a process of its own that outlives the request;
    #: ``manual``, by a command that the page shows, such as for a Kubernetes Job; or ``inline``, in
    #: the request itself, for tests.
    runner: str = "process"

    #: The URL of the database that keeps the record of runs. By default it is the default
    #: database or, for SQLite, the file ``alembic_admin.sqlite`` in the instance folder.
    ledger: str | None = None

    #: Seconds that a run waits for a lock that another session holds on a table; 0 leaves it to
    #: the server.
    lock_timeout: float = 5.0

    #: Seconds that one statement of a run may take; 0 leaves it to the server.
    statement_timeout: float = 3600.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)

            if isinstance(field.default, float):
                if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                    raise _wrong(field.name, value, "Give a number of seconds, such as 5, or 0.")
            elif not isinstance(value, str) and not (value is None and field.default is None):
                raise _wrong(field.name, value, "Give a text.")

        if self.runner not in RUNNERS:
            raise _wrong("runner", self.runner, f"Write one of: {', '.join(RUNNERS)}.")

    @property
    def timeouts(self) -> Timeouts:
        """How long the session of a run waits."""
        return Timeouts(lock=self.lock_timeout, statement=self.statement_timeout)

    @classmethod
    def from_mapping(cls, values: c.Mapping[str, t.Any]) -> Settings:
        """Return the settings that a mapping holds, with defaults for the rest.

        :param values: ``app.config["ALEMBIC_ADMIN"]``.
        :raises SetupError: A key is unknown, or a value cannot be what it is.
        """
        if not isinstance(values, c.Mapping):
            raise SetupError(f"ALEMBIC_ADMIN is {values!r}.", "Give a dict of options.")

        known = [field.name for field in dataclasses.fields(cls)]

        for key in values:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, 1, 0.5)
                raise SetupError(
                    f"ALEMBIC_ADMIN[{key!r}] is no option.",
                    f"Did you mean '{near[0]}'?" if near else f"Known are: {', '.join(known)}.",
                )

        return cls(**values)


def _wrong(key: str, value: object, cure: str) -> SetupError:
    return SetupError(f"ALEMBIC_ADMIN['{key}'] is {value!r}.", cure)
