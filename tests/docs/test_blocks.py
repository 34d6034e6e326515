"""Every fenced block that names a file is what it says: a module that compiles, a pipeline that runs or is refused."""

from pathlib import Path

import pytest

from tests.docs.documents import ROOT, Block, blocks, pages, tiphys

PAGES = [page for page in pages() if any(blocks(page))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_blocks_of_a_page_run_in_order(page: Path, tmp_path: Path) -> None:
    for block in blocks(page):
        compile(block.text, block.place, "exec")
        file = tmp_path / block.name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text, encoding="utf-8")
        if block.is_pipeline:
            done = tiphys("run", block.name, folder=tmp_path)
            assert done.returncode == block.exit_code, f"{block.place}\n{done.stdout}{done.stderr}"


def test_named_blocks_are_found_with_their_line_and_exit_code(tmp_path: Path) -> None:
    page = ROOT / "docs" / "page.md"  # never written: only the text is parsed
    text = "# A page\n\n```python\n# file: a.py\nx = 1\n```\n\n- item\n\n  ```python\n  # file: b/c.py (exit 2)\n"
    text += "  @pipeline\n  def p() -> None: ...\n  ```\n\n```python\nnameless = 1\n```\n"
    written = tmp_path / "page.md"
    written.write_text(text, encoding="utf-8")
    first, second = blocks(written)
    assert (first.line, first.name, first.exit_code, first.is_pipeline) == (3, "a.py", 0, False)
    assert (second.line, second.name, second.exit_code, second.is_pipeline) == (10, "b/c.py", 2, True)
    assert second.text == "# file: b/c.py (exit 2)\n@pipeline\ndef p() -> None: ...\n"
    assert Block(page, 3, "a.py", 0, "").place == "docs/page.md:3"
