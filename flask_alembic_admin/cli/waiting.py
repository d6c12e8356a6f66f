"""The command that waits until a database is up to date, for whatever must not start before."""

from __future__ import annotations

import dataclasses
import time
import typing as t

import click
from sqlalchemy.exc import DBAPIError

from ..core.migrator import Migrator
from ..core.results import UnknownRevision
from ..errors import UnreachableDatabase
from .failures import FAILED
from .failures import NO
from .options import label_of
from .options import migration_command
from .options import selected
from .output import clean_stdout
from .output import count
from .output import echo_json
from .output import listed

#: Seconds between two looks.
_PAUSE = 1.0


@dataclasses.dataclass(frozen=True)
class _Seen:
    """What one look at a database has shown."""

    database: str
    pending: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    unreachable: str = ""

    @property
    def up_to_date(self) -> bool:
        return not (self.pending or self.unknown or self.unreachable)

    @property
    def text(self) -> str:
        if self.unreachable:
            return f"cannot be reached ({self.unreachable})"

        said = [f"{count(self.pending)} pending"] if self.pending else []

        if self.unknown:
            said.append(f"ahead: no revision file here has {listed(self.unknown)}")

        return ", ".join(said) or "up to date"

    def to_values(self) -> dict[str, t.Any]:
        return {**dataclasses.asdict(self), "up_to_date": self.up_to_date}


@migration_command(
    "wait",
    reads=True,
    verbose="Show where each database is.",
    example="""
    flask db wait && gunicorn shop:app   start once everything is applied
    flask db wait --timeout 0            look once
    """,
)
@click.option(
    "--timeout",
    type=click.FloatRange(0),
    default=300.0,
    metavar="SECONDS",
    help="Wait so long at most; 300 by default, 0 looks once.",
)
def wait(migrator: Migrator, timeout: float, verbose: bool, as_json: bool) -> None:
    """Wait until somebody else has run what is pending."""
    end = time.monotonic() + timeout
    seen = {name: _Seen(name) for name in selected(migrator)}
    told: dict[str, str] = {}

    if verbose and not as_json:
        for name in seen:
            url = migrator.project.databases[name].masked_url
            click.echo(f"{label_of(migrator, name)}database {url}")

    while True:
        for name in seen:
            with clean_stdout():
                seen[name] = _look(migrator, name)

            if not as_json and told.get(name) != seen[name].text:
                told[name] = seen[name].text
                click.echo(f"{label_of(migrator, name)}{seen[name].text}")

        left = end - time.monotonic()

        if left <= 0 or all(one.up_to_date for one in seen.values()):
            break

        time.sleep(min(_PAUSE, left))

    if as_json:
        echo_json([one.to_values() for one in seen.values()])

    if any(one.unreachable for one in seen.values()):
        click.get_current_context().exit(FAILED)

    if not all(one.up_to_date for one in seen.values()):
        click.get_current_context().exit(NO)


def _look(migrator: Migrator, name: str) -> _Seen:
    """Look at a database, with a connection that is closed afterwards."""
    try:
        scripts = migrator.current(name)
        unknown = tuple(s.revision for s in scripts if isinstance(s, UnknownRevision))
        return _Seen(name, migrator.pending(name), unknown)
    except UnreachableDatabase as error:
        return _Seen(name, unreachable=error.reason)
    except DBAPIError as error:
        # Its server went away between two questions.
        reason = migrator.project.databases[name].describe_error(error)
        return _Seen(name, unreachable=reason)
