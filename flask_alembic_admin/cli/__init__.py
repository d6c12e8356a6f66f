"""The commands, written once for every program that has them; they know the core alone."""

from __future__ import annotations

import click

from . import doctor
from . import linting
from . import planning
from . import reading
from . import rehearsing
from . import running
from . import runs
from . import verifying
from . import waiting
from . import writing

#: Every command. A group that has them puts a ``Migrator`` into its context's ``obj``.
COMMANDS: tuple[click.Command, ...] = (
    writing.mkdir,
    writing.init,
    reading.current,
    reading.heads,
    reading.branches,
    reading.log,
    reading.history,
    reading.show,
    reading.check,
    doctor.doctor,
    linting.lint,
    verifying.verify,
    waiting.wait,
    planning.plan,
    rehearsing.rehearse,
    running.upgrade,
    running.downgrade,
    running.stamp,
    runs.runs,
    writing.revision,
    writing.migrate,
    writing.merge,
    writing.edit,
)
