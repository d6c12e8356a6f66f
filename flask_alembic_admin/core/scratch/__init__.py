"""A database without anything in it, to build up from nothing and to throw away."""

from __future__ import annotations

from . import mysql as mysql
from . import postgresql as postgresql
from . import sqlite as sqlite
from .opening import open_scratch as open_scratch
from .opening import Scratch as Scratch
