"""The revision graph, read from the text of the files; none of them is imported or run."""

from __future__ import annotations

import collections.abc as c
import difflib
import functools
import threading
import time
import types
import typing as t
from pathlib import Path

from .lanes import Lanes
from .lanes import lay_out
from .revision_files import FileStamp
from .revision_files import folder_signature
from .revision_files import FolderSignature
from .revision_files import Problem
from .revision_files import read_file
from .revision_files import RevisionFile
from .revision_graph import beginning
from .revision_graph import needs_of
from .revision_graph import owners_of_labels
from .revision_graph import resolve_dependencies
from .revision_graph import sorted_by_need
from .revision_graph import turned_round
from .revision_graph import without_duplicates

#: For how many places in a history it is kept what they mean.
_KEPT_PLACES = 32
#: How many times as long as it took a look at the files counts as recent, and for how many seconds
#: at most.
_RECENT = 20
_MOST_RECENT = 2.0


class HistoryReader:
    """Reads a history again only when its files have changed; threads may share one.

    :param folders: Folders of revision files; one that does not exist is empty.
    :param recursive: Whether their sub folders belong to them.
    """

    def __init__(self, folders: c.Sequence[Path], recursive: bool = False) -> None:
        self._folders = tuple(folders)
        self._recursive = recursive
        self._lock = threading.Lock()
        self._files: dict[FileStamp, RevisionFile | Problem] = {}
        self._last: tuple[FolderSignature, History] | None = None
        #: Until when the last look counts as recent.
        self._recent_until = 0.0

    def read_recent(self) -> History:
        """Return the history as the files were a moment ago: what is only shown needs no more.

        The longer a look at the files takes, the longer it counts: looking at them takes at most
        a twentieth of the time, and a few files are looked at each time.
        """
        last = self._last
        return last[1] if last and time.monotonic() < self._recent_until else self.read()

    def read(self) -> History:
        """Return the history as the files are now; of those, only changed ones are opened."""
        with self._lock:
            began = time.monotonic()
            # Taken before the files are read: what changes meanwhile is read again next time.
            signature = self.signature()
            looked = time.monotonic()

            if self._last is None or self._last[0] != signature:
                self._files = {
                    stamp: self._files.get(stamp) or read_file(Path(stamp.path))
                    for stamp in signature.files
                }
                self._last = (signature, _history(self._files.values(), signature.problems))

            self._recent_until = looked + min(_RECENT * (looked - began), _MOST_RECENT)
            return self._last[1]

    def signature(self) -> FolderSignature:
        """Return the state of the folders, to be held against an earlier one."""
        return folder_signature(self._folders, self._recursive)


class History:
    """Revisions and how they follow each other.

    Wherever several are returned, parents and dependencies come before what needs them, and
    older before newer, unless a method says otherwise.

    :param files: The revision files, in any order.
    :param problems: What was wrong with files that are not among these.
    """

    def __init__(self, files: c.Iterable[RevisionFile], problems: c.Iterable[Problem] = ()) -> None:
        found = list(problems)
        by_id = without_duplicates(files, found)
        unread = {id_: problem for problem in found for id_ in problem.revisions}
        self._label_owners = owners_of_labels(by_id, found)
        self._resolved = resolve_dependencies(by_id, self._label_owners, unread, found)
        self._needs = needs_of(by_id, self._resolved, unread, found)
        self._places: dict[frozenset[str], _Place] = {}
        #: Each revision by its id. Those in a circle, and what follows from it, come last.
        self.revisions: c.Mapping[str, RevisionFile] = types.MappingProxyType(
            {id_: by_id[id_] for id_ in sorted_by_need(by_id, self._needs, found)}
        )
        #: What keeps the files from being a history.
        self.problems: tuple[Problem, ...] = tuple(found)

    @functools.cached_property
    def heads(self) -> tuple[str, ...]:
        """Revisions that are no other's parent."""
        return tuple(id_ for id_ in self.revisions if not self._children[id_])

    @functools.cached_property
    def effective_heads(self) -> tuple[str, ...]:
        """Revisions that are neither parent nor dependency: what a complete upgrade ends at."""
        return tuple(id_ for id_ in self.revisions if not self._needed_by[id_])

    @functools.cached_property
    def bases(self) -> tuple[str, ...]:
        """Revisions without a parent."""
        return tuple(id_ for id_, file in self.revisions.items() if not file.parents)

    @functools.cached_property
    def branch_points(self) -> tuple[str, ...]:
        """Revisions that are parent to more than one."""
        return tuple(id_ for id_ in self.revisions if len(self._children[id_]) > 1)

    @functools.cached_property
    def labels(self) -> c.Mapping[str, tuple[str, ...]]:
        """Each label with the revisions that carry it."""
        carriers: dict[str, list[str]] = {label: [] for label in self._label_owners}

        for id_ in self.revisions:
            for label in self._carried_labels[id_]:
                carriers[label].append(id_)

        return types.MappingProxyType({label: tuple(ids) for label, ids in carriers.items()})

    @functools.cached_property
    def lanes(self) -> Lanes:
        """The graph, newest first, with a row for each parent that no file has."""
        parents = {id_: file.parents for id_, file in self.revisions.items()}
        return lay_out(self.newest_first(), parents, self._resolved)

    @functools.cached_property
    def texts(self) -> c.Mapping[str, str]:
        """What can be searched of each revision, casefolded: id, message, file and labels."""
        texts = {}

        for id_, file in self.revisions.items():
            parts = (id_, file.message, file.path.name, *self.labels_of(id_))
            texts[id_] = "\n".join(parts).casefold()

        return types.MappingProxyType(texts)

    def children(self, revision: str) -> tuple[str, ...]:
        """Return the revisions whose parent this one is."""
        return self._children.get(revision, ())

    def resolved_dependencies(self, revision: str) -> tuple[str, ...]:
        """Return the ids that a revision's ``depends_on`` means."""
        return self._resolved.get(revision, ())

    def labels_of(self, revision: str) -> tuple[str, ...]:
        """Return the labels that a revision carries, its own and its branch's, in order of name."""
        return tuple(sorted(self._carried_labels.get(revision, ())))

    def ancestors(self, revisions: c.Iterable[str]) -> set[str]:
        """Return these revisions and all that they follow or depend on; unknown ids are ignored."""
        found: set[str] = set()
        todo = [id_ for id_ in revisions if id_ in self.revisions]

        while todo:
            id_ = todo.pop()

            if id_ not in found:
                found.add(id_)
                todo.extend(self._needs[id_])

        return found

    def applied(self, current: c.Iterable[str]) -> frozenset[str]:
        """Return what has run in a database.

        :param current: Where it is; ids that no file has are ignored.
        """
        return self._place(current).applied

    def pending(self, current: c.Iterable[str]) -> tuple[str, ...]:
        """Return what has still to run for all heads, in an order in which it can.

        :param current: Where a database is; ids that no file has are ignored.
        """
        return self._place(current).pending

    def rows(self, applied: c.Collection[str]) -> tuple[str, ...]:
        """Return what a version table holds once exactly these revisions have run.

        :param applied: With all that they follow or depend on; unknown ids are ignored.
        """
        run = set(applied)
        return tuple(
            id_ for id_ in self.revisions if id_ in run and run.isdisjoint(self._needed_by[id_])
        )

    def unknown(self, current: c.Iterable[str]) -> tuple[str, ...]:
        """Return those of some ids that no file has, as they come."""
        return tuple(dict.fromkeys(id_ for id_ in current if id_ not in self.revisions))

    def newest_first(self) -> tuple[str, ...]:
        """Return all revisions, children before their parents."""
        return tuple(reversed(tuple(self.revisions)))

    def find(self, prefix: str) -> tuple[str, ...]:
        """Return the revisions whose id begins with a text, in order of their ids."""
        return beginning(prefix, self._sorted_ids)

    def near(self, text: str, count: int = 3) -> tuple[str, ...]:
        """Return ids and labels that somebody may have meant, the likeliest first.

        :param text: What was written: an id, a label, or words of a message.
        :param count: How many to return at most.
        """
        names = [*self.newest_first(), *self._label_owners]
        alike = difflib.get_close_matches(text, names, count)
        words = text.casefold().strip()
        told = [
            id_
            for id_ in self.newest_first()
            if words and words in self.revisions[id_].message.casefold()
        ]
        return tuple(dict.fromkeys([*alike, *told]))[:count]

    def _place(self, current: c.Iterable[str]) -> _Place:
        """Return what a place in the history means; that of the last ones is kept."""
        key = frozenset(current)
        place = self._places.get(key)

        if place is None:
            applied = frozenset(self.ancestors(key))
            place = _Place(applied, tuple(id_ for id_ in self.revisions if id_ not in applied))

            # Several databases share one history, and each of them moves on.
            if len(self._places) >= _KEPT_PLACES:
                self._places = {}

            self._places[key] = place

        return place

    @functools.cached_property
    def _children(self) -> dict[str, tuple[str, ...]]:
        return turned_round({id_: file.parents for id_, file in self.revisions.items()})

    @functools.cached_property
    def _needed_by(self) -> dict[str, tuple[str, ...]]:
        return turned_round({id_: self._needs[id_] for id_ in self.revisions})

    @functools.cached_property
    def _sorted_ids(self) -> list[str]:
        return sorted(self.revisions)

    @functools.cached_property
    def _carried_labels(self) -> dict[str, frozenset[str]]:
        """Labels as Alembic hands them on, in ``RevisionMap._add_branches``.

        They go up to everything that follows. They go down only from the end of a plain line,
        and as far as it is one: to the next branch point or merge.
        """
        carried: dict[str, frozenset[str]] = {}

        for id_, file in self.revisions.items():
            inherited = (carried.get(parent, frozenset()) for parent in file.parents)
            carried[id_] = frozenset(file.labels).union(*inherited)

        in_plain_line: set[str] = set()

        for id_ in self.newest_first():
            children = self._children[id_]
            branches_or_merges = (
                len(self._needed_by[id_]) > 1 or len(self.revisions[id_].parents) > 1
            )

            if not branches_or_merges and in_plain_line.issuperset(children):
                in_plain_line.add(id_)
                carried[id_] = carried[id_].union(*(carried[child] for child in children))

        return carried


class _Place(t.NamedTuple):
    applied: frozenset[str]
    pending: tuple[str, ...]


def _history(
    readings: c.Iterable[RevisionFile | Problem], problems: c.Iterable[Problem]
) -> History:
    files = []
    found = list(problems)

    for reading in readings:
        if isinstance(reading, Problem):
            found.append(reading)
        else:
            files.append(reading)

    return History(files, found)
