"""What was found when all revisions were run up, down and up again on a scratch database."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import typing as t

from ..drift import Difference

#: What is known of the downgrade of a revision.
Proof: t.TypeAlias = t.Literal["proven", "lossy", "unproven"]

#: From what is best to what is worst.
PROOFS: tuple[Proof, ...] = ("proven", "lossy", "unproven")

#: Why a downgrade is not proven: ``missing``, ``empty`` and ``raises`` say what it is; after one
#: that ``differs`` the schema is not what it was; ``again`` is where the upgrade does not run a
#: second time; ``failed`` is the revision whose upgrade fails; the others ``not reached``.
Cause: t.TypeAlias = t.Literal[
    "", "missing", "empty", "raises", "differs", "again", "failed", "not reached"
]

# Said of what is kept, so that other versions of this package do not take it for theirs.
_FORMAT = 1


@dataclasses.dataclass(frozen=True)
class VerifiedRevision:
    """What was found of the downgrade of one revision.

    :param revision: Its id.
    :param message: Its message.
    :param proof: ``proven``: the schema is what it was before the upgrade, and no rows are lost on
        the way. ``lossy``: the schema is, but rows are lost. ``unproven``: nobody knows.
    :param cause: Why it is not proven; empty where it is proven or lossy.
    :param reason: The same as a sentence; empty where it is proven.
    :param sha256: The checksum of its file.
    :param file: The file where the reason was met.
    :param line: The line there.
    """

    revision: str
    message: str
    proof: Proof
    cause: Cause = ""
    reason: str = ""
    sha256: str | None = None
    file: str | None = None
    line: int | None = None


@dataclasses.dataclass(frozen=True)
class Verification:
    """What was found when all revisions were run up, down and up again on a scratch database.

    :param database: The database whose revisions they are; nothing was sent there.
    :param dialect: Its dialect.
    :param place: Where the scratch database was, in words.
    :param time: When it began.
    :param seconds: How long it took.
    :param revisions: What was found of each revision, in the order in which they ran.
    :param compared: Whether the outcome was held against the models.
    :param differences: What differs between the models and what the revisions make.
    :param error: Why it could not be held against the models; empty where it could.
    :param notes: What else people should know.
    """

    database: str
    dialect: str
    place: str
    time: datetime.datetime
    seconds: float
    revisions: tuple[VerifiedRevision, ...]
    compared: bool = False
    differences: tuple[Difference, ...] = ()
    error: str = ""
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> VerifiedRevision | None:
        """The revision whose upgrade fails, if one does."""
        return next((one for one in self.revisions if one.cause == "failed"), None)

    @property
    def is_good(self) -> bool:
        """Whether each downgrade restores the schema, and the models are what revisions make."""
        told = any(one.proof == "unproven" for one in self.revisions)
        return self.compared and not (told or self.differences or self.error)

    def of(self, revision: str) -> VerifiedRevision | None:
        """Return what was found of a revision, if it was there.

        :param revision: Its id.
        """
        return next((one for one in self.revisions if one.revision == revision), None)

    def counts(self) -> dict[Proof, int]:
        """Return how many revisions there are of each kind."""
        return {proof: sum(one.proof == proof for one in self.revisions) for proof in PROOFS}

    def to_values(self) -> dict[str, t.Any]:
        """Return all of it as values that JSON can hold."""
        return {"format": _FORMAT, **dataclasses.asdict(self), "time": self.time.isoformat()}

    @classmethod
    def from_values(cls, values: c.Mapping[str, t.Any] | None) -> Verification | None:
        """Return what ``to_values`` gave; None for what another version has kept.

        :param values: As the ledger has them.
        """
        if not values or values.get("format") != _FORMAT:
            return None

        given = {key: value for key, value in values.items() if key != "format"}
        return cls(
            **{
                **given,
                "time": datetime.datetime.fromisoformat(given["time"]),
                "revisions": tuple(VerifiedRevision(**one) for one in given["revisions"]),
                "differences": tuple(Difference(**one) for one in given["differences"]),
                "notes": tuple(given["notes"]),
            }
        )
