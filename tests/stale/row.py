"""The stale matrix: small projects, one edit each, and whether the step may still be served from the cache.

Every project has a pipeline with two steps: `subject`, which the row is about, and `bystander`, which must hit after
every edit but the few that touch what the import of the file itself depends on. An edit is (file, old, new) for a
replacement, (file, None, text) for a new or rewritten file, or a function that is given the project's folder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

Edit: TypeAlias = tuple[str, str | None, str] | Callable[[Path], object]
Expected = Literal["runs", "hits", "refused"]


@dataclass(frozen=True, slots=True)
class Row:
    """One edit. `body`: the body of `subject`; `head`: what stands above it; `files`: further files of the project."""

    name: str
    edit: Edit
    expected: Expected
    body: str = "return 0"
    head: str = ""
    files: dict[str, str] = field(default_factory=dict)
    decorator: str = "@step"
    parameters: str = ""
    call: str = "subject()"
    env_before: dict[str, str] = field(default_factory=dict)
    env_after: dict[str, str] = field(default_factory=dict)
    prepare: Callable[[Path], object] | None = None
    options: tuple[str, ...] = ()  # of the second run
    bystander: Literal["hit", "succeeded"] = "hit"  # a row may touch what every step of the file depends on
    says: str = ""  # must occur in the output of the second run

    def pipeline(self) -> str:
        """The text of `pipe.py`."""
        return (
            f"from tiphys import pipeline, step\n{self.head}\n\n\n"
            f"{self.decorator}\ndef subject({self.parameters}) -> float:\n    "
            + self.body.replace("\n", "\n    ")
            + "\n\n\n@step\ndef bystander() -> int:\n    return 1\n\n\n"
            f"@pipeline\ndef p() -> None:\n    {self.call}\n    bystander()\n"
        )


HELPER = {"helper.py": "def f():\n    return 1\n"}
EDIT_HELPER: Edit = ("helper.py", "return 1", "return 2")
HERE = "from pathlib import Path\nHERE = Path(__file__).parent"
"""The head of a project that finds its data beside its code."""
