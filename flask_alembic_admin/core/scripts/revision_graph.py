"""Edges and order of revision files, and what is wrong with them; functions only."""

from __future__ import annotations

import bisect
import collections
import collections.abc as c
import datetime
import heapq

from .revision_files import Problem
from .revision_files import RevisionFile

_UNDATED = datetime.datetime.min.replace(tzinfo=datetime.UTC)


def without_duplicates(
    files: c.Iterable[RevisionFile], problems: list[Problem]
) -> dict[str, RevisionFile]:
    """Return each file by its id, of several the first by path.

    :param files: The files, in any order.
    :param problems: Gets one more for every file that is left out.
    """
    by_id: dict[str, RevisionFile] = {}

    for file in sorted(files, key=lambda file: str(file.path)):
        first = by_id.setdefault(file.revision, file)

        if first is not file:
            problems.append(
                Problem(
                    "duplicate",
                    f"Revision {file.revision} is in two files: {first.path} and {file.path}.",
                    "Give one of them another id, or take it away if it is a copy.",
                    file.path,
                    revisions=(file.revision,),
                )
            )

    return by_id


def owners_of_labels(
    by_id: c.Mapping[str, RevisionFile], problems: list[Problem]
) -> dict[str, str]:
    """Return the revision that sets each label.

    :param by_id: The files.
    :param problems: Gets one more for every label that names two revisions.
    """
    owners: dict[str, str] = {}

    for id_, file in by_id.items():
        for label in file.labels:
            owner = label if label in by_id else owners.setdefault(label, id_)

            if label in by_id or owner != id_:
                problems.append(
                    Problem(
                        "duplicate",
                        f"Label '{label}' of revision {id_} in {file.path} is already a name of "
                        f"revision {owner} in {by_id[owner].path}.",
                        "Take it out of branch_labels in one of them: revisions that follow have "
                        "it anyway.",
                        file.path,
                        revisions=(id_, owner),
                    )
                )

    return owners


def resolve_dependencies(
    by_id: c.Mapping[str, RevisionFile],
    label_owners: c.Mapping[str, str],
    unread: c.Mapping[str, Problem],
    problems: list[Problem],
) -> dict[str, tuple[str, ...]]:
    """Return the ids that each ``depends_on`` means, for the revisions that have one.

    :param by_id: The files.
    :param label_owners: The revision that sets each label.
    :param unread: Ids known to be in files that cannot be read, with the reason.
    :param problems: Gets one more for every name that means no revision.
    """
    resolved: dict[str, tuple[str, ...]] = {}
    sorted_ids = sorted(by_id)

    for id_, file in by_id.items():
        known = []

        for name in file.dependencies:
            if name in by_id:
                known.append(name)
            elif name in label_owners:
                known.append(label_owners[name])
            else:
                begun = beginning(name, sorted_ids) if name else ()
                known += begun if len(begun) == 1 else ()
                problems.append(_missing_dependency(file, name, begun, unread))

        if known:
            resolved[id_] = tuple(dict.fromkeys(known))

    return resolved


def needs_of(
    by_id: c.Mapping[str, RevisionFile],
    resolved: c.Mapping[str, tuple[str, ...]],
    unread: c.Mapping[str, Problem],
    problems: list[Problem],
) -> dict[str, tuple[str, ...]]:
    """Return what must have run before each revision: its parents, then its dependencies.

    :param by_id: The files.
    :param resolved: The dependencies of those that have some.
    :param unread: Ids known to be in files that cannot be read, with the reason.
    :param problems: Gets one more for every parent that is missing.
    """
    needs = {}

    for id_, file in by_id.items():
        problems += [
            _missing_parent(file, parent, unread) for parent in file.parents if parent not in by_id
        ]
        parents = [parent for parent in file.parents if parent in by_id]
        needs[id_] = tuple(dict.fromkeys([*parents, *resolved.get(id_, ())]))

    return needs


def sorted_by_need(
    by_id: c.Mapping[str, RevisionFile],
    needs: c.Mapping[str, tuple[str, ...]],
    problems: list[Problem],
) -> list[str]:
    """Return all ids after what they need, the older first where that leaves a choice.

    Revisions in a circle, and all that needs them, come last.

    :param by_id: The files.
    :param needs: What must have run before each.
    :param problems: Gets one more for every circle.
    """
    needed_by = turned_round(needs)
    missing = {id_: len(needed) for id_, needed in needs.items()}
    ready = [_age(by_id[id_]) for id_, count in missing.items() if not count]
    heapq.heapify(ready)
    order = []

    while ready:
        _, id_ = heapq.heappop(ready)
        order.append(id_)
        del missing[id_]

        for other in needed_by[id_]:
            missing[other] -= 1

            if not missing[other]:
                heapq.heappush(ready, _age(by_id[other]))

    left = sorted(missing, key=lambda id_: _age(by_id[id_]))
    problems += [_circle([by_id[id_] for id_ in cycle]) for cycle in _cycles(left, needs)]
    return order + left


def turned_round(edges: c.Mapping[str, c.Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Return for each key the keys that name it; names that are no keys are left out."""
    found: dict[str, list[str]] = collections.defaultdict(list)

    for id_, names in edges.items():
        for name in dict.fromkeys(names):
            found[name].append(id_)

    return {id_: tuple(found.get(id_, ())) for id_ in edges}


def beginning(prefix: str, sorted_ids: c.Sequence[str]) -> tuple[str, ...]:
    """Return those of some sorted ids that begin with a text."""
    found = []

    for position in range(bisect.bisect_left(sorted_ids, prefix), len(sorted_ids)):
        if not sorted_ids[position].startswith(prefix):
            break

        found.append(sorted_ids[position])

    return tuple(found)


def _cycles(left: c.Sequence[str], needs: c.Mapping[str, tuple[str, ...]]) -> c.Iterator[list[str]]:
    """Follow each revision down to one seen before; among those left there is always a next."""
    unplaced = set(left)
    seen: set[str] = set()

    for id_ in left:
        trail: list[str] = []

        while id_ not in seen:
            seen.add(id_)
            trail.append(id_)
            id_ = next(needed for needed in needs[id_] if needed in unplaced)

        if id_ in trail:
            yield trail[trail.index(id_) :]


def _age(file: RevisionFile) -> tuple[datetime.datetime, str]:
    created = file.created or _UNDATED

    if created.tzinfo is None:
        created = created.replace(tzinfo=datetime.UTC)

    return created, file.revision


def _missing_parent(file: RevisionFile, parent: str, unread: c.Mapping[str, Problem]) -> Problem:
    if parent in unread:
        return _behind_unread(file, parent, unread[parent])

    return Problem(
        "missing parent",
        f"{file.path}: the parent of revision {file.revision} is {parent}, which no file has.",
        "Restore the file that has it, or correct down_revision.",
        file.path,
        revisions=(file.revision, parent),
    )


def _missing_dependency(
    file: RevisionFile, name: str, begun: tuple[str, ...], unread: c.Mapping[str, Problem]
) -> Problem:
    if name in unread:
        return _behind_unread(file, name, unread[name])

    cure = "Restore the file that has it, or correct depends_on."
    said = "which no file has"

    if begun:
        # Alembic takes a shortened id for a target, but not in a file.
        said = f"which is only the beginning of {', '.join(begun)}"
        cure = f"Write {' or '.join(repr(id_) for id_ in begun)} in full."

    return Problem(
        "missing dependency",
        f"{file.path}: revision {file.revision} depends on {name}, {said}.",
        cure,
        file.path,
        revisions=(file.revision, name),
    )


def _behind_unread(file: RevisionFile, needed: str, cause: Problem) -> Problem:
    # With the kind of its cause: both are healed, or overlooked, together.
    return Problem(
        cause.kind,
        f"{file.path}: revision {file.revision} needs {needed}, which cannot be read from "
        f"{cause.path}.",
        cause.cure,
        file.path,
        revisions=(file.revision, needed),
    )


def _circle(files: c.Sequence[RevisionFile]) -> Problem:
    named = [f"{file.revision} in {file.path}" for file in files]

    if len(named) > 10:
        named = [*named[:10], f"and {len(named) - 10} more"]

    return Problem(
        "cycle",
        f"Revisions need each other in a circle, so none can be first: {', '.join(named)}.",
        "Correct down_revision or depends_on in one of them.",
        files[0].path,
        revisions=tuple(file.revision for file in files),
    )
