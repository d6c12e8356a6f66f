"""Run a command beside database servers that are there for it alone, in memory where there is room.

The tests make and drop some thousand databases, and each time a usual server waits for its disk.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.getcwd())

from tests.faults.own_servers import OwnMariadb
from tests.faults.own_servers import OwnPostgresql
from tests.faults.own_servers import running

#: Where Linux keeps files in memory.
MEMORY = "/dev/shm"

if os.access(MEMORY, os.W_OK):
    # For the servers alone: what the command writes goes where it always goes.
    tempfile.tempdir = MEMORY

with running(OwnPostgresql) as postgresql, running(OwnMariadb) as mariadb:
    urls = {
        "TEST_POSTGRESQL_URL": postgresql.url.render_as_string(hide_password=False),
        "TEST_MARIADB_URL": mariadb.url.render_as_string(hide_password=False),
    }
    sys.exit(subprocess.run(sys.argv[1:], env={**os.environ, **urls}, check=False).returncode)
