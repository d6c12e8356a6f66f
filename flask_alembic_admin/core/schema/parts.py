"""What a database is made of at one moment, as values that can be held against each other."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

#: How many differences are told of; the others are counted.
TOLD = 4


class Part(t.NamedTuple):
    """One thing that a schema has, such as a column.

    :param kind: What it is.
    :param table: The table it belongs to, with its schema where that is not the usual one.
    :param name: What it is called; for what has no name, what it consists of.
    """

    kind: str
    table: str
    name: str

    @property
    def words(self) -> str:
        """What it is called in a sentence."""
        if self.kind == "column":
            return f"column {self.table}.{self.name}"

        named = f"{self.kind} {self.name}".strip()
        return f"{named} of {self.table}" if self.table and self.kind != "table" else named


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """What a database is made of; the order of columns counts for nothing.

    :param parts: Each part with what is said of it.
    """

    parts: c.Mapping[Part, c.Mapping[str, str]]

    @property
    def tables(self) -> frozenset[str]:
        """The names of the tables."""
        return frozenset(part.name for part in self.parts if part.kind == "table")

    def columns(self, table: str) -> dict[str, str]:
        """Return the columns of a table, each with its type."""
        return {
            part.name: said.get("type", "")
            for part, said in self.parts.items()
            if part.kind == "column" and part.table == table
        }

    def differences(self, now: Snapshot) -> list[str]:
        """Return what is not as it was, in words; nothing where all is.

        :param now: A later one.
        """
        gone = [part for part in self.parts if part not in now.parts]
        left = [part for part in now.parts if part not in self.parts]
        without = {part.name for part in gone if part.kind == "table"}
        with_ = {part.name for part in left if part.kind == "table"}
        found = [
            f"{part.words} is missing"
            for part in gone
            if part.kind == "table" or part.table not in without
        ]
        found += [
            f"{part.words} is left"
            for part in left
            if part.kind == "table" or part.table not in with_
        ]

        for part, said in self.parts.items():
            for key in sorted({*said, *now.parts.get(part, said)}):
                before, after = said.get(key), now.parts.get(part, said).get(key)
                if before != after:
                    found.append(f"{key} of {part.words} is {_shown(after)}, not {_shown(before)}")

        return found


def differences_told(differences: c.Sequence[str]) -> str:
    """Return the first of many differences as one text.

    :param differences: As ``Snapshot.differences`` gave them.
    """
    more = len(differences) - TOLD
    others = [f"{more} more differences"] if more > 1 else list(differences[TOLD:])
    return "; ".join([*differences[:TOLD], *others])


def _shown(text: str | None) -> str:
    return "not there" if text is None else text if len(text) <= 60 else f"{text[:60]}…"
