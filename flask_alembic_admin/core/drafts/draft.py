"""A revision file that is not written yet: its text, where it would go and what it rests on."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import hashlib
import json
import typing as t
from pathlib import Path

from ...errors import PlanMoved
from ..scripts.history import History


@dataclasses.dataclass(frozen=True)
class Draft:
    """A revision file that is not written yet.

    :param revision: Its id.
    :param message: What it does.
    :param folder: The folder of revision files that it would be written to.
    :param file: Its path within that folder.
    :param text: All that would stand in it.
    :param parents: The revisions that it comes after.
    :param depends_on: What must have run before it, ids or labels.
    :param labels: The labels that it sets.
    :param operations: How many operations its upgrade has.
    :param compared: The databases that were compared with their models; none for an empty one.
    :param heads: The heads of the files when it was made.
    """

    revision: str
    message: str
    folder: str
    file: str
    text: str
    parents: tuple[str, ...]
    depends_on: tuple[str, ...]
    labels: tuple[str, ...]
    operations: int
    compared: tuple[str, ...]
    heads: tuple[str, ...]

    @property
    def path(self) -> Path:
        """Where it would be written."""
        return Path(self.folder, self.file)

    @property
    def found_nothing(self) -> bool:
        """Whether databases were compared with their models and no difference was found."""
        return bool(self.compared) and not self.operations

    @property
    def heads_after(self) -> frozenset[str]:
        """The heads of the files once it is written."""
        return frozenset(self.heads) - set(self.parents) | {self.revision}

    @property
    def digest(self) -> str:
        """A digest of all that is in it."""
        return hashlib.sha256(json.dumps(self.to_values(), sort_keys=True).encode()).hexdigest()

    def to_values(self) -> dict[str, t.Any]:
        """Return the draft as values that JSON can hold."""
        return dict(vars(self))

    @classmethod
    def from_values(cls, values: c.Mapping[str, t.Any]) -> Draft:
        """Return the draft that ``to_values`` gave."""
        lists = ("parents", "depends_on", "labels", "compared", "heads")
        return cls(**{**values, **{name: tuple(values[name]) for name in lists}})

    def moved(self, history: History) -> list[str]:
        """Return what keeps it from being written as it is, in sentences; nothing if it can be.

        :param history: The revision files as they are now.
        """
        there = history.revisions.get(self.revision)

        if there is not None:
            return [f"Revision {self.revision} is there already, in {there.path}."]

        changes = [
            f"Revision {parent}, which it comes after, is gone."
            for parent in self.parents
            if parent in self.heads and parent not in history.revisions
        ]

        if set(self.heads) != set(history.heads):
            changes.append(
                f"The heads of the files were {_listed(self.heads)} and are "
                f"{_listed(history.heads)}."
            )

        if self.path.exists():
            changes.append(f"The file {self.path} is there already.")

        return changes

    def refuse_if_moved(self, history: History) -> None:
        """Refuse to go on unless it can be written as it is.

        :param history: The revision files as they are now.
        :raises PlanMoved: With what has moved.
        """
        changes = self.moved(history)

        if changes:
            raise PlanMoved(changes)


def _listed(revisions: c.Sequence[str]) -> str:
    return ", ".join(revisions) or "none"
