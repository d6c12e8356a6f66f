"""What the package itself is said to have can be taken from it."""

from __future__ import annotations

import pytest

import flask_alembic_admin


@pytest.mark.parametrize("name", flask_alembic_admin.__all__)
def test_a_public_name_is_there(name: str) -> None:
    """It is loaded from where it lives only when somebody asks, so no import fails before."""
    assert getattr(flask_alembic_admin, name) is not None


def test_a_name_that_is_not_there_is_a_usual_error() -> None:
    """As it is with any other module."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = flask_alembic_admin.nothing
