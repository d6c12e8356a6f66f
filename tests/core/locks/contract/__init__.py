"""What every lock passes. A test file for one lock subclasses this and gives the databases."""

from __future__ import annotations

from .base import PATIENCE as PATIENCE
from .connections import Connections
from .exclusion import Exclusion
from .processes import Processes


class LockContract(Exclusion, Connections):
    """What a lock within one process passes."""


class ProcessContract(LockContract, Processes):
    """What every other lock passes."""
