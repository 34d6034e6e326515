"""The examples of the documentation: whole files in `docs/examples`, and fenced blocks that name a file."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"

_FENCE = re.compile(r"^(?P<indent> *)```python\n(?P<body>.*?)^ *```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r"# file: (?P<name>[\w./-]+\.py)(?: \(exit (?P<code>\d+)\))?\s*\n")


@dataclass(frozen=True)
class Block:
    """A fenced Python block that begins with `# file: NAME` or, for one that must be refused, `# file: NAME (exit 2)`.

    `line` is that of the fence. The blocks of a page are one project, written in order: a block may import the ones
    before it, and a later block with the same name is an edit of the file.
    """

    page: Path
    line: int
    name: str
    exit_code: int
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_pipeline(self) -> bool:
        return re.search(r"^@pipeline\b", self.text, re.MULTILINE) is not None


def pages() -> list[Path]:
    """README.md and every page below `docs`."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> Iterator[Block]:
    """The named Python blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    for fence in _FENCE.finditer(text):
        body = re.sub(rf"^{fence['indent']}", "", fence["body"], flags=re.MULTILINE)
        if title := _TITLE.match(body):
            line = text.count("\n", 0, fence.start()) + 1
            yield Block(page, line, title["name"], int(title["code"] or 0), body)


def tiphys(*words: str, folder: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line in `folder`, as a user does, without the settings of whoever runs the tests."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("TIPHYS_")}
    return subprocess.run(
        [sys.executable, "-m", "tiphys", *words],
        cwd=folder,
        env=own | dict(env or {}),
        capture_output=True,
        text=True,
        timeout=120,
    )
