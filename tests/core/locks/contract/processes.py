"""What every lock does with other processes."""

from __future__ import annotations

import contextlib
import os
import time
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_alembic_admin.core.locks import DatabaseLock
from flask_alembic_admin.errors import Locked

from .. import child
from .base import ContractBase
from .base import PATIENCE


class Processes(ContractBase):
    """What every lock passes that other processes can see."""

    #: A statement that keeps the server busy, and whether its end has to be waited for.
    busy: tuple[str, bool] = ("", False)

    def test_eight_processes_go_in_one_by_one(self, url: sa.URL, tmp_path: Path) -> None:
        """All start at once; no two are ever inside together, and all get in."""
        log = tmp_path / "log"

        with contextlib.ExitStack() as stack:
            processes = [
                stack.enter_context(
                    child.started(
                        url, lease=self.lease, log=str(log), run=str(number), wait=PATIENCE
                    )
                )
                for number in range(8)
            ]

            for process in processes:
                child.expect(process, "ready")
            for process in processes:
                child.tell(process)

            assert [process.wait(PATIENCE) for process in processes] == [0] * 8

        lines = [line.split() for line in log.read_text().splitlines()]
        assert [word for word, _ in lines] == ["enter", "leave"] * 8
        assert all(
            enter[1] == leave[1] for enter, leave in zip(lines[::2], lines[1::2], strict=True)
        )
        assert len({pid for _, pid in lines}) == 8

    def test_a_holder_in_another_process_is_named(
        self, url: sa.URL, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """From outside the same is seen as from inside, and gone when it is freed."""
        with child.started(url, lease=self.lease) as process:
            child.expect(process, "held")
            holder = lock.holder()
            self.check_shown(holder, "other")
            assert holder is not None
            assert holder.pid == (process.pid if "pid" in self.shown else None)

            with pytest.raises(Locked), lock.hold(mine, child.owner("one"), 0):
                pytest.fail("two hold it")

            child.tell(process)
            assert process.wait(PATIENCE) == 0

        assert lock.holder() is None

    def test_a_holder_killed_while_idle_frees_it(
        self, url: sa.URL, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """It needs no help, and takes no time that anybody would notice."""
        with child.started(url) as process:
            child.expect(process, "held")
            process.kill()
            process.wait()
            began = time.monotonic()

            with lock.hold(mine, child.owner("one"), PATIENCE):
                assert time.monotonic() - began < 1
                self.check_shown(lock.holder())

        assert lock.holder() is None

    def test_a_holder_killed_in_a_statement_frees_it_with_the_end_of_that(
        self, url: sa.URL, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """As long as the server works for the dead, nobody else may."""
        statement, goes_on = self.busy

        with child.started(url, statement=statement) as process:
            child.expect(process, "held")
            deadline = time.monotonic() + PATIENCE

            while goes_on and "sleep" not in (getattr(lock.holder(), "statement", "") or ""):
                assert time.monotonic() < deadline
                time.sleep(0.01)

            began = time.monotonic()
            process.kill()
            process.wait()

            if goes_on:
                with pytest.raises(Locked) as caught, lock.hold(mine, child.owner("one"), 0):
                    pytest.fail("two hold it")
                assert "sleep" in caught.value.holder.statement
                assert "hunter2" not in caught.value.holder.statement

            with lock.hold(mine, child.owner("one"), PATIENCE):
                took = time.monotonic() - began
                assert (2 < took < 10) if goes_on else took < 1

    def test_a_forked_child_that_leaves_frees_nothing(
        self, url: sa.URL, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """A migration that forks, and whose child ends through the same `with`, keeps its lock."""
        with child.started(url, lease=self.lease, fork="leave") as process:
            child.expect(process, "held")
            self.check_shown(lock.holder(), "other")

            with pytest.raises(Locked), lock.hold(mine, child.owner("one"), 0):
                pytest.fail("two hold it")

            child.tell(process)
            child.expect(process, "freed")
            child.tell(process)
            assert process.wait(PATIENCE) == 0

        assert lock.holder() is None

    def test_a_forked_child_that_stays_does_not_keep_it(
        self, url: sa.URL, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """It is free when its owner leaves, whatever that has left running."""
        with self.parent_and_child(url) as process:
            child.expect(process, "held")
            child.tell(process)
            child.expect(process, "freed")

            with lock.hold(mine, child.owner("one"), 0):
                self.check_shown(lock.holder())

    def test_a_forked_child_does_not_keep_it_when_its_parent_is_killed(
        self, url: sa.URL, lock: DatabaseLock, mine: sa.Connection
    ) -> None:
        """The lock dies with its owner, not with what that has left running."""
        with self.parent_and_child(url) as process:
            child.expect(process, "held")
            process.kill()
            process.wait()
            began = time.monotonic()

            with lock.hold(mine, child.owner("one"), PATIENCE):
                assert time.monotonic() - began < 1
                self.check_shown(lock.holder())

    @contextlib.contextmanager
    def parent_and_child(self, url: sa.URL) -> t.Iterator[child.Process]:
        """Start a holder that has forked a child, and end both."""
        with child.started(url, lease=self.lease, fork="stay") as process:
            assert process.stdout is not None
            forked = int(process.stdout.readline())

            try:
                yield process
            finally:
                os.kill(forked, 9)
