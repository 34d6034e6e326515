from __future__ import annotations

from pathlib import Path

import pytest

from tiphys.cluster.errors import InputError
from tiphys.cluster.store.folder import FolderStore
from tiphys.cluster.store.layout import FORMAT, canonical


def test_new_store_says_its_format_and_is_ignored_by_git(store: FolderStore, root: Path) -> None:
    assert (root / "format.json").read_text() == f'{{"format":{FORMAT}}}\n'
    assert (root / ".gitignore").read_text() == "*\n"


def test_store_is_opened_again(store: FolderStore, root: Path) -> None:
    ref = store.put_bytes(b"x")
    assert FolderStore(root, create=False).read_bytes(ref.digest) == b"x"


def test_newer_format_is_refused_with_both_numbers_and_left_alone(store: FolderStore, root: Path) -> None:
    (root / "format.json").chmod(0o644)
    (root / "format.json").write_text('{"format": 7, "new": true}')
    with pytest.raises(InputError, match=f"has format 7, .* reads formats up to {FORMAT}") as caught:
        FolderStore(root)
    assert "upgrade" in caught.value.fix
    assert (root / "format.json").read_text() == '{"format": 7, "new": true}'


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": "1"}', '{"format": 0}', "\xff"])
def test_unreadable_format_is_refused(store: FolderStore, root: Path, text: str) -> None:
    (root / "format.json").chmod(0o644)
    (root / "format.json").write_text(text, "latin-1")
    with pytest.raises(InputError, match="does not say the format"):
        FolderStore(root)


def test_absent_store_is_made_only_when_asked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no store in"):
        FolderStore(tmp_path / "a" / "b", create=False)
    assert not (tmp_path / "a").exists()
    FolderStore(tmp_path / "a" / "b")
    assert FolderStore(tmp_path / "a" / "b", create=False)


def test_folder_with_other_files_does_not_become_a_store(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(InputError, match=r"holds other files \(thesis.txt"):
        FolderStore(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("name", ["file", "file/below", "link"])
def test_file_or_link_does_not_become_a_store(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(InputError, match="is no folder: a file or a link is there"):
        FolderStore(tmp_path / name)


def test_equal_values_have_equal_canonical_bytes() -> None:
    assert canonical({"b": 1, "a": "é\udcff"}) == canonical({"a": "é\udcff", "b": 1})
    assert canonical({"a": 1}) != canonical({"a": 1.0})
    assert canonical(True) != canonical(1)
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical(float("nan"))
