"""Where a plan can be rehearsed, and what has to be said of that before; nothing is connected."""

from __future__ import annotations

import collections.abc as c
import dataclasses

import sqlalchemy as sa

from ...errors import NotRehearsable
from ..databases.database import server_family
from ..plans.plan import Plan
from ..project import Project
from ..redact import mask_url
from .limits import needs_commit
from .result import PlaceKind


@dataclasses.dataclass(frozen=True)
class RehearsalPlace:
    """Where a plan can be rehearsed, or why it cannot.

    :param kind: What it would be run on; None where there is nowhere to.
    :param where: The same in words, with nothing secret in it.
    :param url: Of a copy that somebody keeps.
    :param reason: Why it cannot be rehearsed; empty where it can.
    :param cure: What to do about that.
    :param notes: What has to be known before.
    """

    kind: PlaceKind | None = None
    where: str = ""
    url: sa.URL | None = dataclasses.field(default=None, repr=False)
    reason: str = ""
    cure: str = ""
    notes: tuple[str, ...] = ()

    def refuse_if_nowhere(self) -> None:
        """Refuse a plan that cannot be rehearsed.

        :raises NotRehearsable: With the reason.
        """
        if self.reason:
            raise NotRehearsable(self.reason, self.cure)


def rehearsal_place(project: Project, plan: Plan) -> RehearsalPlace:
    """Return where a plan can be rehearsed, as the settings say.

    :param project: What is fixed.
    :param plan: The plan.
    """
    if plan.action == "stamp":
        return RehearsalPlace(reason="A stamp runs no migration, so there is nothing to rehearse.")

    if plan.options.rest_of is not None:
        return RehearsalPlace(
            reason="The rest of a step fits nowhere but where its run has left it, so it cannot be "
            "rehearsed."
        )

    if not plan.steps:
        return RehearsalPlace(reason="The plan has no step, so there is nothing to rehearse.")

    if problem := _wrong_setting(project):
        return problem

    database = project.databases[plan.database]

    if database.dialect == "sqlite":
        return _own_copy()

    url = copy_url(project, plan.database)

    if url is not None:
        return _kept_copy(project, plan, url)

    if database.dialect == "postgresql" and project.settings.rehearse_live:
        return _live(plan)

    return _nowhere(plan.database, database.dialect)


def copy_url(project: Project, database: str) -> sa.URL | None:
    """Return the URL of the copy that somebody keeps of a database.

    :param project: What is fixed.
    :param database: The database's name.
    """
    text = _copies(project).get(database)
    return sa.make_url(text) if text is not None else None


def _copies(project: Project) -> c.Mapping[str, str]:
    copies = project.settings.rehearsal or {}
    return {project.default_name: copies} if isinstance(copies, str) else copies


def _wrong_setting(project: Project) -> RehearsalPlace | None:
    for name in _copies(project):
        if name not in project.databases:
            return RehearsalPlace(
                reason=f"ALEMBIC_ADMIN['rehearsal'] names '{name}', and there is no such database.",
                cure=f"Write one of: {', '.join(project.databases)}.",
            )

    return None


def _own_copy() -> RehearsalPlace:
    where = "a copy of the file, made for it and deleted afterwards"
    return RehearsalPlace("own copy", where, notes=(_BESIDES,))


def _kept_copy(project: Project, plan: Plan, url: sa.URL) -> RehearsalPlace:
    live = project.databases[plan.database].dialect
    dialect = url.get_backend_name()

    if server_family(dialect) != server_family(live):
        return RehearsalPlace(
            reason=f"ALEMBIC_ADMIN['rehearsal'] leads from '{plan.database}', which is {live}, to "
            f"{dialect}.",
            cure="Give the URL of a restored copy on a server of the same kind.",
        )

    notes = [_BESIDES, "The copy stays migrated afterwards: restore it before the next rehearsal."]
    outside = _positions(
        position
        for position, step in enumerate(plan.steps, 1)
        if live == "postgresql" and needs_commit(step.sql)
    )

    if outside:
        notes.append(f"Locks taken outside of a transaction are not seen ({outside}).")

    return RehearsalPlace("kept copy", f"the copy at {mask_url(url)}", url, notes=tuple(notes))


def _live(plan: Plan) -> RehearsalPlace:
    for position, step in enumerate(plan.steps, 1):
        if statement := needs_commit(step.sql):
            return RehearsalPlace(
                reason=f"Step {position} ({step.revision}) sends “{statement}”, which cannot be "
                "taken back, so it cannot be rehearsed on the live database.",
                cure=_COPY,
            )

    notes = [
        _BESIDES,
        "It takes the locks of a real run on the live database, for as long as all steps take "
        "together, and gives them back.",
        "Numbers that are taken from sequences stay taken.",
        "All steps share one transaction, so the locks of a step are those of the steps before it "
        "too.",
    ]

    if unknown := _positions(at for at, step in enumerate(plan.steps, 1) if step.incomplete):
        notes.append(
            f"Not all is known of what is sent ({unknown}); what cannot be taken back is refused."
        )

    return RehearsalPlace(
        "live", "the live database, in a transaction that is rolled back", notes=tuple(notes)
    )


def _nowhere(name: str, dialect: str) -> RehearsalPlace:
    live = ""

    if dialect == "postgresql":
        live = " Or allow it on the live database with ALEMBIC_ADMIN['rehearse_live']."

    return RehearsalPlace(
        reason=f"There is no copy of '{name}' to rehearse on.", cure=f"{_COPY}{live}"
    )


_COPY = "Restore a backup elsewhere and give its URL in ALEMBIC_ADMIN['rehearsal']."


_BESIDES = "What a migration does besides SQL, such as calling another service, is done for real."


def _positions(found: c.Iterable[int]) -> str:
    numbers = [str(position) for position in found]
    word = "step" if len(numbers) == 1 else "steps"
    return f"{word} {', '.join(numbers)}" if numbers else ""
