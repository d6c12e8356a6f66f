"""Checksums of revision files, as they are and as they were when they were applied."""

from __future__ import annotations

import collections.abc as c
import hashlib

from ..ledger.tables import StepStatus
from ..ledger.tables import Touch


def file_digest(content: bytes) -> str:
    """Return the SHA-256 of a file's content with its line ends normalised.

    A checkout with other line ends is the same revision.

    :param content: The content of the file.
    """
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()


def applied_digest(touches: c.Iterable[Touch]) -> str | None:
    """Return the checksum that a revision's file had when it was applied last, if that is known.

    :param touches: What runs did with the revision, newest first.
    """
    return next(
        (
            touch.sha256
            for touch in touches
            if touch.step_status == StepStatus.DONE and touch.action == "upgrade"
        ),
        None,
    )
