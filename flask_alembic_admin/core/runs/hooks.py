"""Functions of the app that are called before and after each run, such as for a backup."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import inspect
import os
import traceback
import typing as t

from ...errors import HookFailed
from ...errors import SetupError
from ..ledger.tables import RunStatus
from ..ledger.tables import StepFacts
from ..results import Action
from .forks import end_process


@dataclasses.dataclass(frozen=True)
class RunFacts:
    """What a hook is told about the run.

    :param id: Its id in the ledger.
    :param database: The database's name.
    :param action: What it does.
    :param target: Where it goes, as it was asked for.
    :param actor: Who asked for it.
    :param reason: Why, where they said so.
    :param steps: The steps it carries out, in order.
    :param status: ``running`` before it, and after it what it ended as.
    :param error: What went wrong, redacted; None where nothing did.
    """

    id: str
    database: str
    action: Action
    target: str
    actor: str
    reason: str | None
    steps: tuple[StepFacts, ...]
    status: RunStatus = RunStatus.RUNNING
    error: str | None = None


Hook: t.TypeAlias = c.Callable[[RunFacts], object]
AnyHook = t.TypeVar("AnyHook", bound=Hook)


class Hooks:
    """The hooks of an app, in the order in which they were given."""

    def __init__(self) -> None:
        self.before: list[Hook] = []
        self.after: list[Hook] = []


def checked_hook(kind: str, hook: AnyHook) -> AnyHook:
    """Return a hook that can be called.

    :param kind: ``before_run`` or ``after_run``.
    :param hook: The function.
    :raises SetupError: Calling it would do nothing.
    """
    for is_of_kind in (
        inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        inspect.isasyncgenfunction,
    ):
        if is_of_kind(hook):
            raise SetupError(
                f"The {kind} hook {_name(hook)} does nothing when it is called: it is a coroutine "
                "function or a generator function.",
                "Write a plain function, and what has to follow as an after_run hook.",
            )

    return hook


class HookCalls:
    """The calls of the hooks around one run.

    :param hooks: The hooks.
    :param log: Appends a line to the run's log: its level, its source and the line.
    :param notice: Says a sentence to all who watch the run.
    :param redacted: Takes secrets out of a text.
    """

    def __init__(
        self,
        hooks: Hooks,
        log: c.Callable[[str, str, str], None],
        notice: c.Callable[[str], None],
        redacted: c.Callable[[str], str],
    ) -> None:
        self._before = tuple(hooks.before)
        # As things that were switched on are switched off: the last one first.
        self._after = tuple(reversed(hooks.after))
        self._log = log
        self._notice = notice
        self._redacted = redacted
        self._process = os.getpid()
        self._facts: RunFacts | None = None

    def __bool__(self) -> bool:
        return bool(self._before or self._after)

    def before(self, facts: RunFacts, heads: tuple[str, ...]) -> None:
        """Call each ``before_run`` hook. From here on those of ``after_run`` will be called too.

        :param facts: What they are told.
        :param heads: Where the database is.
        :raises HookFailed: One of them raised; those behind it were not called.
        """
        self._facts = facts

        for hook in self._before:
            error = self._failure("before_run", hook, facts, (Exception, SystemExit))

            # Not raised from it: a lock timeout of the hook's own would look like one of a step,
            # which is tried again.
            if error is not None:
                raise HookFailed(_name(hook), self._first_line(error), facts.database, heads)

    def after(self, status: RunStatus, error: str | None) -> None:
        """Call each ``after_run`` hook, if it came to the first ``before_run`` one.

        :param status: What the run has ended as.
        :param error: What went wrong, redacted.
        """
        if self._facts is None:
            return

        facts = dataclasses.replace(self._facts, status=status, error=error)
        self._facts = None

        for hook in self._after:
            # Not even Ctrl-C ends it: what was switched on has to be restored.
            failure = self._failure("after_run", hook, facts, (BaseException,))

            if failure is not None:
                self._notice(
                    f"The after_run hook {_name(hook)} failed, which changes nothing for the run: "
                    f"{self._first_line(failure)}"
                )

    def _failure(
        self, kind: str, hook: Hook, facts: RunFacts, caught: tuple[type[BaseException], ...]
    ) -> BaseException | None:
        """Call a hook, and return what it raised, or None."""
        self._log("info", "hook", f"{kind} {_name(hook)}")
        failure: BaseException | None = None

        try:
            hook(facts)
        except caught as error:
            failure = error
            self._log("error", "hook", "".join(traceback.format_exception(error)).rstrip())

        # A child that it forked would go on with the run.
        if os.getpid() != self._process:
            end_process(failure)

        return failure

    def _first_line(self, error: BaseException) -> str:
        text = self._redacted(str(error)).strip().partition("\n")[0]
        return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _name(hook: Hook) -> str:
    name = getattr(hook, "__qualname__", None) or type(hook).__qualname__
    return f"'{getattr(hook, '__module__', None) or '?'}.{name}'"
