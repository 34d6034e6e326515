from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiphys.cluster.store.folder import FolderStore

VALUES = st.none() | st.sampled_from([True, 1, 1.0, "1", [], {"a": [1, "é"]}, "", 0])
NAMES = st.sampled_from(["latest", "alias/prod", "alias", "lease/" + "k" * 300, "..", "é"])


def test_ref_is_set_changed_and_deleted_by_who_knows_it(store: FolderStore, root: Path) -> None:
    assert store.read_ref("alias/prod") is None
    assert not store.swap_ref("alias/prod", "x", "y")
    assert store.swap_ref("alias/prod", None, {"digest": "a"})
    assert not store.swap_ref("alias/prod", None, {"digest": "b"})
    assert FolderStore(root).read_ref("alias/prod") == {"digest": "a"}
    assert store.swap_ref("alias/prod", {"digest": "a"}, {"digest": "b"})
    assert store.swap_ref("alias/prod", {"digest": "b"}, None)
    assert store.read_ref("alias/prod") is None
    assert store.swap_ref("alias/prod", None, None)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(NAMES, VALUES, VALUES), max_size=12))
def test_refs_behave_like_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, swaps: list[tuple[str, object, object]]
) -> None:
    store = FolderStore(tmp_path_factory.mktemp("refs"))
    model: dict[str, object] = {}
    for name, expected, value in swaps:
        present = model.get(name)
        same = present == expected and type(present) is type(expected)
        assert store.swap_ref(name, expected, value) is same
        if same:
            model[name] = value
        assert store.read_ref(name) == model.get(name)


COUNT = """
import sys
from pathlib import Path
from tiphys.cluster.store.folder import FolderStore
store = FolderStore(Path(sys.argv[1]))
for _ in range(25):
    while True:
        value = store.read_ref("count")
        if store.swap_ref("count", value, (value or 0) + 1):
            break
"""


def test_no_change_is_lost_between_processes(store: FolderStore, root: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", COUNT, str(root)]) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert store.read_ref("count") == 75


def test_corrupt_ref_is_quarantined_and_absent(store: FolderStore, root: Path) -> None:
    store.swap_ref("latest", None, "r1")
    store.swap_ref("other", None, "r2")
    file = root / "refs" / "latest.json"
    file.unlink()
    (root / "refs" / "other.json").rename(file)
    assert store.read_ref("latest") is None
    assert len(store.reports) == 1
    assert store.swap_ref("latest", None, "r3")
    assert store.read_ref("latest") == "r3"
