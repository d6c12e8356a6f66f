"""What can be told of a schema, and how an operation changes that."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

What: t.TypeAlias = t.Literal[
    "table",
    "view",
    "column",
    "type",
    "nullable",
    "default",
    "comment",
    "index",
    "constraint",
    "primary_key",
    "foreign_key",
    "unique",
]

#: What belongs to a column and goes with it.
OF_COLUMN = frozenset({"column", "type", "nullable", "default", "comment"})


# A step may have thousands of them, so they are hashed as tuples are.
class Thing(t.NamedTuple):
    """Something that a schema can have.

    :param what: What kind of thing it is.
    :param schema: The schema, where one is named.
    :param table: Its table; None where nobody named that, as of an index of SQLite.
    :param name: Its own name, or of a constraint without one its columns.
    """

    what: What
    schema: str | None
    table: str | None
    name: str = ""


@dataclasses.dataclass(frozen=True)
class Columns:
    """That an index or a constraint is there, on these columns; which ones is not known if empty.

    :param names: The columns.
    """

    names: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Expected:
    """What has to be true before an operation, for that to have been needed or possible.

    :param values: Things with what they are.
    :param holds: Whether all of them are that, or one at least must be anything else.
    """

    values: tuple[tuple[Thing, object], ...]
    holds: bool = True

    def is_about(self, things: c.Container[Thing]) -> bool:
        """Return whether it says something of one of these things.

        :param things: The things.
        """
        return any(thing in things for thing, _ in self.values)


@dataclasses.dataclass(frozen=True)
class Trace:
    """What one operation leaves, and what it rests on.

    :param leaves: What is true after it.
    :param expects: What is true before it.
    :param forgets: Whether what was known of a thing before says nothing after it, and the other
        way round.
    :param renames: A table or column that has another name after it.
    """

    leaves: c.Mapping[Thing, object] = dataclasses.field(default_factory=dict)
    expects: tuple[Expected, ...] = ()
    forgets: c.Callable[[Thing], bool] = lambda thing: False
    renames: tuple[Thing, Thing] | None = None

    def after(self, known: c.Mapping[Thing, object]) -> dict[Thing, object]:
        """Return what is known after the operation.

        :param known: What was known before it.
        """
        kept = {
            _moved(thing, self.renames): value
            for thing, value in known.items()
            if not self.forgets(thing)
        }
        return {**kept, **self.leaves}

    def before(self, expected: c.Iterable[Expected]) -> list[Expected]:
        """Return what has to be true before the operation.

        :param expected: What has to be true after it, for what follows.
        """
        back = self.renames[::-1] if self.renames else None
        kept = []

        for one in expected:
            if one.is_about(self.leaves):
                continue

            if back is not None:
                values = tuple((_moved(thing, back), value) for thing, value in one.values)
                one = dataclasses.replace(one, values=values)

            if not any(self.forgets(thing) for thing, _ in one.values):
                kept.append(one)

        return [*kept, *self.expects]


def _moved(thing: Thing, renames: tuple[Thing, Thing] | None) -> Thing:
    """Return what a thing is called once its table or column has another name."""
    if renames is None:
        return thing

    old, new = renames

    if (thing.schema, thing.table) != (old.schema, old.table) or thing.what == "view":
        return thing

    if old.what == "table":
        return thing._replace(table=new.table)

    is_its_own = thing.what in OF_COLUMN and thing.name == old.name
    return thing._replace(name=new.name) if is_its_own else thing
