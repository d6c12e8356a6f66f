from __future__ import annotations

import threading

import pytest

from flask_alembic_admin.core import op_guard as module
from flask_alembic_admin.core.op_guard import op_guard
from flask_alembic_admin.errors import Busy


def _in_thread(wait: float) -> list[BaseException]:
    raised: list[BaseException] = []

    def hold() -> None:
        try:
            with op_guard(wait):
                pass
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    return raised


def test_a_second_thread_is_refused_after_its_wait() -> None:
    """It gets an error that says how long it has waited."""
    with op_guard():
        (error,) = _in_thread(0.01)

    assert isinstance(error, Busy)
    assert str(error).startswith("Another migration or preview in this process has been at work")


def test_the_guard_is_free_again_afterwards() -> None:
    """Also after an error."""
    with pytest.raises(ValueError, match="inside"), op_guard():
        raise ValueError("inside")

    assert _in_thread(0) == []


def test_a_holder_may_take_it_again() -> None:
    """A migration may run another."""
    with op_guard(), op_guard(0):
        assert len(_in_thread(0)) == 1

    assert _in_thread(0) == []


def test_the_wait_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module's value counts where none is given."""
    monkeypatch.setattr(module, "WAIT", 0.02)

    def hold() -> None:
        with pytest.raises(Busy, match=r"over 0\.02 s"), op_guard():
            raise AssertionError("held twice")

    with op_guard():
        thread = threading.Thread(target=hold)
        thread.start()
        thread.join()
