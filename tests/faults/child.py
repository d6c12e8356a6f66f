"""Another process that runs a verb: it says that it is ready, waits, and says what came of it."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import typing as t
from multiprocessing.connection import Connection
from pathlib import Path

from flask_alembic_admin.core.ledger import patience
from flask_alembic_admin.core.ledger import recording
from flask_alembic_admin.core.ledger import store as ledger_store
from flask_alembic_admin.core.ledger.ledger import Ledger
from flask_alembic_admin.core.ledger.recording import Recording
from flask_alembic_admin.core.runs.options import RunOptions
from flask_alembic_admin.core.runs.run import Run

from .app import create_app
from .app import DEADLINE
from .app import stop_at

# A server that has imported everything forks them, so that many are there soon.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__])


class Answer(t.NamedTuple):
    """What came of a verb.

    :param steps: The revisions that were carried out.
    :param error: The class of what was raised; empty if nothing was.
    :param text: What that said.
    """

    steps: tuple[str, ...] = ()
    error: str = ""
    text: str = ""


class Child:
    """A process that runs a verb.

    :param process: The process.
    :param line: Where it speaks and listens.
    """

    def __init__(self, process: t.Any, line: Connection) -> None:
        self.process = process
        self._line = line
        assert self._hear() == "ready"

    def go(self) -> None:
        """Let it begin."""
        self._line.send("go")

    def answer(self) -> Answer:
        """Wait for what came of it."""
        answer = self._hear()
        assert isinstance(answer, Answer)
        return answer

    def kill(self) -> None:
        """End it as ``kill -9`` does, and wait until it is gone."""
        self.process.kill()
        self.process.join(DEADLINE)

    def _hear(self) -> object:
        assert self._line.poll(DEADLINE), "it says nothing"
        return self._line.recv()


@contextlib.contextmanager
def child(folder: Path, verb: str = "upgrade", **order: t.Any) -> t.Iterator[Child]:
    """Start a process, and end it afterwards if it still runs.

    :param folder: The folder of the app.
    :param verb: What it does.
    :param order: ``target``, ``database``, and what ``RunOptions`` takes; ``busy_timeout`` and
        ``lock_timeout`` for the ledger, ``patience`` for its verdict, ``tick`` and ``stale`` of its
        reports; ``stop_at`` one of ``_STOPS``, to stay there until the test lets go.
    """
    ours, its = _processes.Pipe()
    process = _processes.Process(target=_main, args=(its, str(folder), verb, order))
    process.start()
    its.close()

    try:
        yield Child(process, ours)
    finally:
        process.kill()
        process.join(DEADLINE)
        process.close()
        ours.close()


def _main(line: Connection, folder: str, verb: str, order: dict[str, t.Any]) -> None:
    ledger_store.BUSY_TIMEOUT = order.pop("busy_timeout", ledger_store.BUSY_TIMEOUT)
    patience.PATIENCE = order.pop("patience", patience.PATIENCE)
    ledger_store.LOCK_TIMEOUT = order.pop("lock_timeout", ledger_store.LOCK_TIMEOUT)
    recording.TICK = order.pop("tick", recording.TICK)
    recording.STALE = order.pop("stale", recording.STALE)
    app = create_app(folder)

    if name := order.pop("stop_at", None):
        _STOPS[name](lambda: stop_at(folder, name))

    target = order.pop("target", "heads")
    line.send("ready")
    line.recv()

    with app.app_context():
        try:
            run = getattr(app.extensions["alembic"], verb)
            database = order.pop("database", None)
            results = run(target, database=database, options=RunOptions(**order))
            steps = tuple(step.revision for result in results for step in result.steps)
            answer = Answer(steps)
        # Whatever it is, the test wants to hear of it.
        except BaseException as error:
            answer = Answer((), type(error).__name__, str(error))

    line.send(answer)


def _before_step(number: int, stop: t.Callable[[], None]) -> None:
    begin = Recording.step_started

    def stop_and_begin(recording: Recording, database: str, position: int, step: t.Any) -> None:
        if position == number:
            stop()

        begin(recording, database, position, step)

    # The type of a step is of no interest here.
    Recording.step_started = stop_and_begin  # type: ignore[assignment,method-assign]


def _before(owner: type, name: str, stop: t.Callable[[], None]) -> None:
    original = getattr(owner, name)

    def stop_first(*arguments: t.Any, **options: t.Any) -> t.Any:
        stop()
        return original(*arguments, **options)

    setattr(owner, name, stop_first)


def _after(owner: type, name: str, stop: t.Callable[[], None]) -> None:
    original = getattr(owner, name)

    def stop_then(*arguments: t.Any, **options: t.Any) -> t.Any:
        result = original(*arguments, **options)
        stop()
        return result

    setattr(owner, name, stop_then)


#: Where a process can be told to stay: before its first step and its second one, before the heads
#: are read in the end, when that is done, when the recording has ended, and before the verdict.
_STOPS: dict[str, t.Callable[[t.Callable[[], None]], None]] = {
    "first": functools.partial(_before_step, 1),
    "second": functools.partial(_before_step, 2),
    "reading": functools.partial(_before, Run, "_read_heads"),
    "verified": functools.partial(_after, Run, "_verified"),
    "recorded": functools.partial(_after, Recording, "__exit__"),
    "verdict": functools.partial(_before, Ledger, "finish"),
}
