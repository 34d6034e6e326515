"""Names every file of ours over 400 lines and every function over 60. Run as `python -m tests.checks.sizes`."""

from __future__ import annotations

import ast
from pathlib import Path

FOLDERS = ("workflows", "ray_jobs", "serving", "cluster", "tests", "benchmarks")
MOST_LINES = 400
MOST_FUNCTION_LINES = 60


def oversized(root: Path) -> list[str]:
    """Files and functions above the limits, as `FILE:LINE …`."""
    found = []
    for file in sorted(p for folder in FOLDERS for p in (root / folder).rglob("*.py")):
        text, name = file.read_text("utf-8"), file.relative_to(root)
        count = text.count("\n")
        if count > MOST_LINES:
            found.append(f"{name}: {count} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno
                if lines > MOST_FUNCTION_LINES:
                    found.append(f"{name}:{node.lineno} {node.name}: {lines} lines")
    return found


def main() -> int:
    """Print what is too large; 1 when there is any."""
    found = oversized(Path())
    print("\n".join(found) or "sizes are in bounds")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
