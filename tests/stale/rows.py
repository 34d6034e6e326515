"""The whole stale matrix."""

from __future__ import annotations

from tests.stale.rows_code import CODE
from tests.stale.rows_files import FILES
from tests.stale.rows_world import NOTHING, WORLD

ROWS = [*CODE, *FILES, *WORLD, *NOTHING]
