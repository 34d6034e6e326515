from __future__ import annotations

import os
from pathlib import Path

import pytest

from tiphys.cluster.stat_signature import COARSE_TICK_NS, TICK_NS, has_fine_clock, is_settled, signature_of

NOW = 1_700_000_000 * 10**9 + 123_456_789


@pytest.mark.parametrize(
    ("mtime", "ctime", "seen", "settled"),
    [
        (NOW, NOW, NOW, False),
        (NOW, NOW, NOW + TICK_NS, False),
        (NOW, NOW, NOW + TICK_NS + 1, True),
        (0, NOW, NOW + 1, False),  # mtime set back: ctime decides
        (NOW, NOW - TICK_NS * 9, NOW + 1, False),
        (NOW + 10**12, NOW, NOW + TICK_NS + 1, False),  # from the future
        (NOW, NOW // 10**9 * 10**9, NOW + TICK_NS + 1, False),  # time stamps in whole seconds
        (NOW, NOW // 10**9 * 10**9, NOW + COARSE_TICK_NS + 1, True),
    ],
)
def test_a_signature_is_settled_once_it_is_older_than_a_tick(mtime: int, ctime: int, seen: int, settled: bool) -> None:
    assert is_settled((5, mtime, 1, ctime), seen) is settled


def test_signature_has_all_that_changes_with_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("abc")
    stat = path.stat()
    assert signature_of(stat) == (3, stat.st_mtime_ns, stat.st_ino, stat.st_ctime_ns)


def test_asking_for_the_clock_leaves_the_mode(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "x", os.O_RDWR | os.O_CREAT, 0o640)
    before = os.fstat(fd).st_mode
    assert has_fine_clock(fd) in (True, False)
    assert os.fstat(fd).st_mode == before
    os.close(fd)
