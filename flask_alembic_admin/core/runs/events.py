"""The signals that tell subscribers what becomes of runs."""

from __future__ import annotations

import inspect
import logging
import typing as t

from blinker import NamedSignal
from blinker import Namespace

if t.TYPE_CHECKING:
    from ..project import Project

_logger = logging.getLogger(__name__)
_signals = Namespace()

run_requested = _signals.signal(
    "run-requested", "Somebody asked for a run: code, a command, or the panel that queued it."
)
run_started = _signals.signal("run-started", "The first step of a run is about to begin.")
step_finished = _signals.signal("step-finished", "A step of a run has ended and is committed.")
run_finished = _signals.signal("run-finished", "A run has got its verdict, whatever that is.")
attempt_refused = _signals.signal(
    "attempt-refused", "Somebody tried what they may not do, or what cannot be done now."
)


def is_heard(signal: NamedSignal) -> bool:
    """Return whether anybody may be listening, so that facts are worth collecting.

    :param signal: One of the signals above.
    """
    return bool(signal.receivers) and not signal.is_muted


def tell(signal: NamedSignal, project: Project, **facts: t.Any) -> None:
    """Send a signal; what a subscriber raises is logged and harms nobody else.

    :param signal: One of the signals above.
    :param project: Whose run it is about. Its sender is the signal's.
    :param facts: What has happened.
    """
    if not is_heard(signal):
        return

    sender = project.sender

    # `Signal.send` would stop at the first subscriber that raises.
    for subscriber in list(signal.receivers_for(sender)):
        try:
            if inspect.iscoroutinefunction(subscriber):
                raise TypeError("a coroutine function cannot subscribe; write a plain function")
            subscriber(sender, **facts)
        except (Exception, SystemExit):
            _logger.exception(
                "A subscriber of the signal %s failed, which changes nothing for the run: %r",
                signal.name,
                subscriber,
            )
