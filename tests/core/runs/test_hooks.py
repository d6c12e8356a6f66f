from __future__ import annotations

import collections.abc as c
import functools
import typing as t

import pytest

from flask_alembic_admin.core.ledger.tables import RunStatus
from flask_alembic_admin.core.runs.hooks import checked_hook
from flask_alembic_admin.core.runs.hooks import HookCalls
from flask_alembic_admin.core.runs.hooks import Hooks
from flask_alembic_admin.core.runs.hooks import RunFacts
from flask_alembic_admin.errors import HookFailed
from flask_alembic_admin.errors import SetupError

FACTS = RunFacts("1", "default", "upgrade", "heads", "ada", None, ())


class Calls:
    """Hooks that note their names, and the lines and notices that come of it."""

    def __init__(self) -> None:
        self.hooks = Hooks()
        self.called: list[str] = []
        self.facts: list[RunFacts] = []
        self.lines: list[tuple[str, str, str]] = []
        self.notices: list[str] = []

    def hook(self, name: str, error: BaseException | None = None) -> c.Callable[[RunFacts], None]:
        """Return a hook that notes its name and raises an error, if one is given."""

        def note(facts: RunFacts) -> None:
            self.called.append(name)
            self.facts.append(facts)

            if error is not None:
                raise error

        note.__qualname__ = name
        return note

    def calls(self) -> HookCalls:
        """Return the calls around a run."""
        return HookCalls(
            self.hooks,
            lambda *line: self.lines.append(line),
            self.notices.append,
            lambda text: text.replace("tiger", "***"),
        )


@pytest.fixture
def calls() -> Calls:
    """Two hooks before and two after a run."""
    calls = Calls()
    calls.hooks.before += [calls.hook("first"), calls.hook("second")]
    calls.hooks.after += [calls.hook("un-first"), calls.hook("un-second")]
    return calls


def test_what_was_switched_on_last_is_switched_off_first(calls: Calls) -> None:
    """Those before the run in the order in which they were given, those after it backwards."""
    around = calls.calls()
    around.before(FACTS, ())
    around.after(RunStatus.SUCCEEDED, None)
    assert calls.called == ["first", "second", "un-second", "un-first"]


def test_hooks_are_told_how_the_run_stands(calls: Calls) -> None:
    """Running before it, its verdict after it."""
    around = calls.calls()
    around.before(FACTS, ())
    around.after(RunStatus.FAILED, "no such table")
    assert [facts.status for facts in calls.facts] == ["running"] * 2 + ["failed"] * 2
    assert calls.facts[-1].error == "no such table"


@pytest.mark.parametrize("error", [OSError("no space, tiger"), SystemExit(3)])
def test_a_hook_that_raises_stops_the_run(calls: Calls, error: BaseException) -> None:
    """Those behind it are not called, and it is named; nothing secret is said."""
    calls.hooks.before.insert(0, calls.hook("backup", error))

    with pytest.raises(HookFailed) as caught:
        calls.calls().before(FACTS, ("a1",))

    assert calls.called == ["backup"]
    assert f"The before_run hook '{__name__}.backup' failed, so nothing was run" in str(
        caught.value
    )
    assert type(error).__name__ in str(caught.value)
    assert "tiger" not in str(caught.value)
    assert caught.value.heads == ("a1",)
    assert caught.value.__cause__ is None
    assert "Traceback" in calls.lines[-1][2]


def test_all_is_restored_after_a_hook_that_raised(calls: Calls) -> None:
    """Also what stands behind the one that raised."""
    calls.hooks.before.insert(0, calls.hook("backup", OSError()))
    around = calls.calls()

    with pytest.raises(HookFailed):
        around.before(FACTS, ())

    around.after(RunStatus.FAILED, "no backup")
    assert calls.called == ["backup", "un-second", "un-first"]


def test_nothing_is_restored_that_was_not_switched_on(calls: Calls) -> None:
    """A run that was refused has called no hook before."""
    calls.calls().after(RunStatus.FAILED, "locked")
    assert calls.called == []


def test_hooks_after_a_run_are_called_once(calls: Calls) -> None:
    """However often somebody finds that it has ended."""
    around = calls.calls()
    around.before(FACTS, ())
    around.after(RunStatus.SUCCEEDED, None)
    around.after(RunStatus.FAILED, "late")
    assert calls.called.count("un-first") == 1


@pytest.mark.parametrize("error", [ValueError("tiger"), SystemExit(1), KeyboardInterrupt()])
def test_a_hook_that_raises_after_the_run_is_noticed(calls: Calls, error: BaseException) -> None:
    """The rest is restored all the same."""
    calls.hooks.after.append(calls.hook("smoke", error))
    around = calls.calls()
    around.before(FACTS, ())
    around.after(RunStatus.SUCCEEDED, None)
    assert calls.called[2:] == ["smoke", "un-second", "un-first"]
    (notice,) = calls.notices
    assert notice.startswith(f"The after_run hook '{__name__}.smoke' failed")
    assert "tiger" not in notice


def test_the_log_names_each_hook(calls: Calls) -> None:
    """Whoever waits for a backup sees that."""
    calls.calls().before(FACTS, ())
    assert calls.lines[0] == ("info", "hook", f"before_run '{__name__}.first'")


def test_a_hook_without_a_name_is_one_too() -> None:
    """A partial function, or an object that can be called."""
    calls = Calls()
    calls.hooks.before.append(functools.partial(calls.hook("inner"), FACTS))

    with pytest.raises(HookFailed, match=r"'functools.partial'"):
        calls.calls().before(FACTS, ())


def test_a_function_that_does_nothing_when_called_is_refused() -> None:
    """A backup that is never made is worse than none."""

    async def coroutine(run: RunFacts) -> None: ...

    def generator(run: RunFacts) -> c.Iterator[None]:
        yield

    async def both(run: RunFacts) -> c.AsyncIterator[None]:
        yield

    hooks: list[t.Any] = [coroutine, generator, both]

    for hook in hooks:
        with pytest.raises(SetupError, match=r"The before_run hook .*Write a plain function"):
            checked_hook("before_run", hook)
