"""What pages say of the last verification of a database's downgrades."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import typing as t

import sqlalchemy as sa

from ..core.checks.asking import check_seen_as
from ..core.ledger.tables import RunStatus
from ..core.project import Project
from ..core.scripts.file_digests import file_digest
from ..core.scripts.revision_files import RevisionFile
from ..core.verification.result import Proof
from ..core.verification.result import PROOFS
from ..core.verification.result import Verification
from .last_check import LastCheck
from .presenters import Badge
from .translation import gettext as _
from .translation import ngettext


@dataclasses.dataclass(frozen=True)
class ShownProof:
    """What is known of one downgrade.

    :param badge: The word for it.
    :param sentence: Why it is not proven; empty where it is.
    :param time: When that was found; None where nothing was.
    """

    badge: Badge
    sentence: str
    time: datetime.datetime | None


@dataclasses.dataclass(frozen=True)
class LastVerification(LastCheck):
    """The last verification of a database, and the last one that has found something.

    :param found: What the last one has found that came to its end; None where none did.
    """

    found: Verification | None = None

    def proof(self, revision: str, sha256: str | None) -> ShownProof:
        """Return what is known of the downgrade of a revision.

        :param revision: Its id.
        :param sha256: The checksum of its file now; None where it cannot be read.
        """
        if self.found is None:
            return ShownProof(_badge("not verified"), _("Nobody has verified it yet."), None)

        time, one = self.found.time, self.found.of(revision)

        if one is None:
            return ShownProof(proof_badge("unproven"), _("It was not there then."), time)

        if one.sha256 != sha256:
            return ShownProof(
                proof_badge("unproven"), _("Its file has changed since it was verified."), time
            )

        return ShownProof(proof_badge(one.proof), one.reason, time)

    def proof_of_file(self, file: RevisionFile) -> ShownProof:
        """Return what is known of the downgrade of a revision whose file is at hand.

        :param file: The file.
        """
        digest = None

        # It may have gone since the history was read.
        with contextlib.suppress(OSError):
            digest = file_digest(file.path.read_bytes())

        return self.proof(file.revision, digest)


def last_verification(project: Project, database: str) -> LastVerification:
    """Return the last verification of a database; an empty one also where the ledger is silent.

    :param project: What is fixed.
    :param database: The database's name.
    """
    with contextlib.suppress(sa.exc.SQLAlchemyError):
        ledger = project.ledger
        record = ledger.last_check("verification", database)

        if record is None:
            return LastVerification()

        ended = record

        if record.status != RunStatus.SUCCEEDED:
            ended = (
                ledger.last_check("verification", database, status=RunStatus.SUCCEEDED) or record
            )

        found = Verification.from_values(ended.content)
        return LastVerification(found, record=record, seen=check_seen_as(record))

    return LastVerification()


def proof_badge(proof: Proof) -> Badge:
    """Return how it is shown what is known of a downgrade.

    :param proof: What is known.
    """
    return _badge(proof)


def verification_badge(last: LastVerification) -> Badge:
    """Return how a verification is shown as a whole.

    :param last: The last one of the database.
    """
    if last.is_active:
        return Badge(_("running"), "◌", "busy")

    if last.seen == RunStatus.LOST:
        return Badge(_("lost"), "▲", "bad")

    if last.seen == RunStatus.FAILED:
        return Badge(_("could not be done"), "✖", "bad")

    if last.found is None:
        return _badge("not verified")

    if last.found.is_good:
        return Badge(_("verified"), "✓", "good")

    return Badge(_("verified, with faults"), "▲", "warn")


def count_badges(found: Verification) -> list[Badge]:
    """Return how many downgrades there are of each kind.

    :param found: What was found.
    """
    words = {
        "proven": lambda count: ngettext("%(num)s proven", "%(num)s proven", count),
        "lossy": lambda count: ngettext("%(num)s lossy", "%(num)s lossy", count),
        "unproven": lambda count: ngettext("%(num)s unproven", "%(num)s unproven", count),
    }
    counts = found.counts()
    return [
        dataclasses.replace(_badge(proof), word=words[proof](counts[proof]))
        for proof in PROOFS
        if counts[proof]
    ]


def _badge(proof: Proof | t.Literal["not verified"]) -> Badge:
    return {
        "proven": Badge(_("proven"), "✓", "good"),
        "lossy": Badge(_("lossy"), "▲", "warn"),
        "unproven": Badge(_("unproven"), "□", "unknown"),
        "not verified": Badge(_("not verified"), "○", "unknown"),
    }[proof]
