from __future__ import annotations

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core import tracebacks
from flask_alembic_admin.core.tracebacks import traceback_of
from flask_alembic_admin.errors import RunFailed


def statement_error() -> sa.exc.StatementError:
    """Return the error of a statement with somebody's data in it."""
    return sa.exc.StatementError("no such column", "UPDATE t", {"name": "Ada"}, Exception("no"))


def raised(error: Exception) -> Exception:
    """Return an error that was raised somewhere."""
    with pytest.raises(type(error)) as caught:
        raise error

    return caught.value


def test_the_cause_of_a_failed_run_is_told() -> None:
    """Where it came from, not where it was caught."""
    failure = RunFailed("upgrade failed", database="default")
    failure.__cause__ = raised(ValueError("no parts today"))
    text = traceback_of(failure)
    assert text.startswith("Traceback (most recent call last):")
    assert text.endswith("ValueError: no parts today")
    assert "RunFailed" not in text


def test_parameters_of_a_statement_are_left_out() -> None:
    """Whoever may look at a run may not look at all data; the error itself stays as it is."""
    error = statement_error()
    assert "Ada" not in traceback_of(error)
    assert "UPDATE t" in traceback_of(error)
    assert "Ada" in str(error)


def test_parameters_further_down_are_left_out_too() -> None:
    """As when a migration catches an error and raises its own."""
    error = RuntimeError("no luck")
    error.__cause__ = RuntimeError("in between")
    error.__cause__.__context__ = statement_error()
    text = traceback_of(error)
    assert "UPDATE t" in text
    assert "Ada" not in text


def test_of_a_long_one_the_end_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is where it says what went wrong."""
    monkeypatch.setattr(tracebacks, "MOST", 10)
    assert traceback_of(ValueError("no parts today")) == "…rts today"
