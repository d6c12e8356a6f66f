"""The rules that findings are made by, one family of dangers a module."""

from __future__ import annotations

from . import data as data  # isort: skip
from . import compatibility as compatibility  # isort: skip
from . import postgresql as postgresql  # isort: skip
from . import postgresql_constraints as postgresql_constraints  # isort: skip
from . import rewrites as rewrites  # isort: skip
from . import transactions as transactions  # isort: skip
from . import mysql as mysql  # isort: skip
from . import postgresql_types as postgresql_types  # isort: skip
from . import sqlite as sqlite  # isort: skip
from . import meta as meta  # isort: skip
from . import unknown_rules as unknown_rules  # isort: skip
from .base import BIG as BIG
from .base import findings_of as findings_of
from .base import Found as Found
from .base import Rule as Rule
from .base import rule as rule
from .base import RULES as RULES
from .base import Sight as Sight
from .base import Step as Step

#: The decorator under the name by which apps know it.
risk = rule
