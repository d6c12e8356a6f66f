"""Temporary folders for copies of data: gone with their process, or with the next one after it."""

from __future__ import annotations

import collections.abc as c
import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path

from filelock import FileLock
from filelock import Timeout

PREFIX = "alembic-admin-"
#: The file in each that its process keeps locked; the kernel frees it when that dies.
_HELD = "held"
#: Seconds for which a folder may be there before its file is locked.
_YOUNG = 60.0


@contextlib.contextmanager
def own_folder() -> c.Iterator[Path]:
    """Lend a folder that nobody else may read; it is deleted afterwards.

    What processes of the same user have left behind that were killed is deleted before.
    """
    delete_left()

    with tempfile.TemporaryDirectory(prefix=PREFIX) as name, claim_of(Path(name)):
        yield Path(name)


def claim_of(folder: Path) -> FileLock:
    """Return the lock that says, while it is held, that somebody is at work in a folder.

    :param folder: Its name begins with ``PREFIX``.
    """
    # Whoever ends it may be another thread.
    return FileLock(folder / _HELD, thread_local=False)


def delete_left() -> None:
    """Delete what processes of the same user have left behind that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        # What is not ours, is gone by now or is just being made is nobody's to wonder at.
        with contextlib.suppress(OSError):
            if _is_old(folder):
                _delete(folder)


def _is_old(folder: Path) -> bool:
    seen = folder.lstat()
    return (
        seen.st_uid == os.getuid()
        and not folder.is_symlink()
        and (folder / _HELD).is_file()
        and time.time() - seen.st_mtime > _YOUNG
    )


def _delete(folder: Path) -> None:
    with contextlib.suppress(Timeout), claim_of(folder).acquire(timeout=0):
        shutil.rmtree(folder)
