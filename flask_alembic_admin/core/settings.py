"""The options of ``ALEMBIC_ADMIN``: each with its default, its sentence and its check."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import difflib
import re
import typing as t

import sqlalchemy as sa

from ..errors import SetupError
from .servers import Timeouts

RUNNERS = ("process", "celery", "inline", "manual")
#: Those whose runs may wait for long before they begin: somebody else starts them.
PATIENT_RUNNERS = ("celery", "manual")
#: What can be done in the panel.
ACTIONS = ("upgrade", "downgrade", "stamp", "revision", "merge")
#: What it offers by default. The others write files where it runs, so it needs debug mode for them.
SAFE_ACTIONS = ("upgrade", "downgrade", "stamp")
#: Those others.
FILE_ACTIONS = ("revision", "merge")
#: What can become of the findings of a rule.
GRADES = ("ignore", "info", "warn", "danger")
_LINK = re.compile(r"https?://[^\s]+|/(?!/)[^\s]*$", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Settings:
    """The options of the panel and of its runs."""

    #: How a run's own process loads the app, as ``flask --app`` takes it. By default FLASK_APP,
    #: or the way the server was started.
    app: str | None = None

    #: How a run is started: ``process``, in a process of its own that outlives the request;
    #: ``celery``, in such a process where a Celery worker of the app is;
    #: ``manual``, by a command that the page shows, such as for a Kubernetes Job; or ``inline``, in
    #: the request itself, for tests.
    runner: str = "process"

    #: The URL of the database that keeps the record of runs. By default it is the default
    #: database or, for SQLite, the file ``alembic_admin.sqlite`` in the instance folder.
    ledger: str | None = dataclasses.field(default=None, repr=False)

    #: Seconds that a run waits for a lock that another session holds on a table; 0 leaves it to
    #: the server.
    lock_timeout: float = 5.0

    #: Seconds that one statement of a run may take; 0 leaves it to the server.
    statement_timeout: float = 3600.0

    #: Rows from which a table is big: to read or to copy it is a danger, and the page of a plan
    #: advises the command line.
    big_table: int = 100_000

    #: Bytes from which it is big for the page of a plan, however many rows it has.
    big_bytes: int = 1_000_000_000
    #: Whether an ``env.py`` in the script folder is run for everything that migrates or compares.
    #: Without it the folder's revision files are used, and ``env.py`` and ``alembic.ini`` are not.
    run_env_py: bool = True

    #: Whether the panel shows everything and runs nothing.
    read_only: bool = False

    #: Where plans are rehearsed: the URL of a copy of the default database, or a dict from names of
    #: databases to URLs. SQLite needs none, since a copy is made each time.
    rehearsal: str | c.Mapping[str, str] | None = dataclasses.field(
        default=None, hash=False, repr=False
    )

    #: Whether plans for PostgreSQL may be rehearsed on the live database where there is no copy, in
    #: a transaction that is always rolled back.
    rehearse_live: bool = False

    #: The actions that the panel offers, exactly these. By default ``upgrade``, ``downgrade`` and
    #: ``stamp``, and in debug mode ``revision`` and ``merge``, which write files.
    actions: tuple[str, ...] | None = None

    #: What the panel calls the place that it runs at; ``production`` raises what has to be
    #: confirmed.
    environment: str | None = None

    #: What the panel is called.
    title: str = "Migrations"

    #: Where the panel's link back to the app leads.
    home_url: str | None = None

    #: What that link says.
    home_title: str | None = None

    #: Whether ``GET /health`` answers, to anybody, with one word.
    health: bool = False

    #: What becomes of the findings of a rule, by its id or slug: ``ignore``, ``info``, ``warn`` or
    #: ``danger``.
    risks: c.Mapping[str, str] = dataclasses.field(default_factory=dict, hash=False)

    #: The URL of an empty database that revisions are verified on, for the default database, or a
    #: dict of such URLs by database name. By default one is created and dropped; for SQLite that is
    #: a temporary file.
    scratch: str | c.Mapping[str, str] | None = dataclasses.field(
        default=None, hash=False, repr=False
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)

            if field.name == "actions":
                object.__setattr__(self, "actions", _actions(value))
            elif field.name == "risks":
                object.__setattr__(self, "risks", _risks(value))
            elif field.name in {"rehearsal", "scratch"}:
                _check_urls(field.name, value)
            elif isinstance(field.default, bool):
                if not isinstance(value, bool):
                    raise _wrong(field.name, value, "Write True or False.")
            elif isinstance(field.default, int):
                if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                    raise _wrong(field.name, value, f"Give a number, such as {field.default}.")
            elif isinstance(field.default, float):
                if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                    raise _wrong(field.name, value, "Give a number of seconds, such as 5, or 0.")
            elif not isinstance(value, str) and not (value is None and field.default is None):
                raise _wrong(field.name, value, "Give a text.")

        if self.runner not in RUNNERS:
            raise _wrong("runner", self.runner, f"Write one of: {', '.join(RUNNERS)}.")

        # A link of another scheme, such as javascript:, would be run by whoever clicks on it.
        if self.home_url is not None and not _LINK.match(self.home_url):
            raise _wrong(
                "home_url",
                self.home_url,
                "Give a path such as '/', or a URL that begins with https:// or http://.",
            )

    @property
    def is_production(self) -> bool:
        """Whether a mistake would be made where it hurts."""
        return (self.environment or "").strip().casefold() == "production"

    @property
    def timeouts(self) -> Timeouts:
        """How long the session of a run waits."""
        return Timeouts(lock=self.lock_timeout, statement=self.statement_timeout)

    def scratch_url(self, database: str, default: str) -> str | None:
        """Return the URL of the database that the revisions of another one are verified on.

        :param database: The other one's name.
        :param default: The name of the default database, which a text is meant for.
        """
        urls = {default: self.scratch} if isinstance(self.scratch, str) else self.scratch
        return (urls or {}).get(database)

    @property
    def urls(self) -> tuple[sa.URL, ...]:
        """The URLs among them, whose passwords nobody is to be shown."""
        found = [self.ledger] if self.ledger else []

        for urls in (self.rehearsal, self.scratch):
            found += [urls] if isinstance(urls, str) else (urls or {}).values()

        return tuple(map(sa.make_url, found))

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


def _actions(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None

    if not isinstance(value, list | tuple | set | frozenset):
        raise _wrong("actions", value, "Give a list, such as ['upgrade', 'stamp'].")

    unknown = [action for action in value if action not in ACTIONS]

    if unknown:
        raise _wrong(
            "actions",
            value,
            f"{unknown[0]!r} is no action; use some of: {', '.join(ACTIONS)}.",
        )

    return tuple(action for action in ACTIONS if action in value)


def _risks(value: object) -> dict[str, str]:
    if not isinstance(value, c.Mapping):
        raise _wrong("risks", value, "Give a dict, such as {'DATA002': 'warn'}.")

    for rule, grade in value.items():
        if not isinstance(rule, str) or not isinstance(grade, str) or grade not in GRADES:
            raise _wrong(
                "risks",
                value,
                f"{rule!r} is {grade!r}; name a rule by its id or slug and write one of: "
                f"{', '.join(GRADES)}.",
            )

    return dict(value)


def _check_urls(key: str, value: object) -> None:
    """Refuse what is neither a URL nor a dict of URLs by database name."""
    urls = dict(value) if isinstance(value, c.Mapping) else {"default": value}

    for url in urls.values() if value is not None else ():
        try:
            sa.make_url(url if isinstance(url, str) else "")
        except sa.exc.ArgumentError:
            # What is there may have a password in it.
            raise SetupError(
                f"ALEMBIC_ADMIN['{key}'] holds something that is no URL.",
                "Give the URL of a database, or a dict such as "
                "{'default': 'postgresql+psycopg://shop@db/scratch'}.",
            ) from None


def _wrong(key: str, value: object, cure: str) -> SetupError:
    return SetupError(f"ALEMBIC_ADMIN['{key}'] is {value!r}.", cure)
