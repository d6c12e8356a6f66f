"""When a verdict is written, and what it is about."""

from __future__ import annotations

import pytest

from flask_alembic_admin.errors import Interrupted

from .place import Place


def test_a_verdict_is_written_before_the_lock_is_freed(place: Place) -> None:
    """Who comes next finds it, and does not run what a failed step has left half done."""
    place.add("a1")
    place.add("b2", "raise ValueError('half done')")

    with place.child(stop_at="verdict") as first, place.child(wait=0) as second:
        first.go()
        place.reached("verdict")
        second.go()
        assert second.answer().error == "Locked"
        place.go_on("verdict")
        assert first.answer().error == "RunFailed"

    if place.dialect != "postgresql":
        with pytest.raises(Interrupted):
            place.upgrade()
