"""The commands, written once for every program that has them; they know the core alone."""

from __future__ import annotations

from .commands import COMMANDS as COMMANDS
