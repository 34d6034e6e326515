"""Every module either decides (pure) or does, and what decides stays away from the outside world, also through ours."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.checks.sizes import oversized

ROOT = Path(__file__).parents[2]
FOLDERS = ("workflows", "ray_jobs", "serving", "cluster")
CONTRACT = "Decisions never touch the outside world"
LISTS = tomllib.loads((Path(__file__).parent / "modules.toml").read_text("utf-8"))
DOES = LISTS["does"]
HANDED_IN = LISTS["handed_in"]

# Calls that ask the world or change it, and need no import that the contract would see.
BUILTINS = {"open", "input", "print", "exec", "eval", "breakpoint"}
METHODS = {
    *("now", "utcnow", "today"),
    *("cwd", "home", "exists", "is_file", "is_dir", "stat", "lstat", "iterdir", "rglob"),
    *("read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "touch", "unlink", "rmdir", "expanduser"),
}


@cache
def decides() -> list[str]:
    """The modules of the import contract."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    (contract,) = (c for c in settings["tool"]["importlinter"]["contracts"] if c["name"] == CONTRACT)
    modules: list[str] = contract["source_modules"]
    return modules


@cache
def trees() -> dict[str, ast.Module]:
    """Module name -> syntax tree of every module of the four folders; the demo pipelines are a user's project."""
    found = {}
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            if parts[:2] != ("workflows", "pipelines"):
                name = ".".join(("tiphys", *parts)).removesuffix(".__init__")
                found[name] = ast.parse(file.read_text("utf-8"))
    return found


def has_code(tree: ast.Module) -> bool:
    """Whether a module holds more than a docstring."""
    return any(not isinstance(node, ast.Expr) for node in tree.body)


def imports(tree: ast.AST) -> Iterator[str]:
    """Modules of ours that a module imports when it runs: what is under `if TYPE_CHECKING:` is for checkers."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name for name in inside if name in trees()] or [node.module or ""]
        yield from (name for name in names if name.startswith("tiphys"))
        yield from imports(node)


def test_every_module_is_on_exactly_one_list() -> None:
    present = {name for name, tree in trees().items() if has_code(tree)}
    listed = [*decides(), *DOES]
    told = "of the contract in pyproject.toml, or of `does` in tests/layers/modules.toml"
    assert not present - set(listed), f"on no list: add it to source_modules {told}"
    assert not set(listed) - present, f"gone: take it off source_modules {told}"
    assert sorted(listed) == sorted(set(listed)), f"twice: in source_modules {told}"
    assert decides() == sorted(decides())
    assert sorted(DOES) == DOES
    assert set(HANDED_IN) <= set(DOES)


def test_what_decides_imports_what_decides() -> None:
    allowed = {*decides(), *HANDED_IN}
    found = {module: set(imports(trees()[module])) - allowed for module in decides()}
    assert not {module: names for module, names in found.items() if names}


def test_what_decides_asks_nobody() -> None:
    found = {module: calls(trees()[module]) for module in decides()}
    assert not {module: names for module, names in found.items() if names}


def calls(tree: ast.AST) -> set[str]:
    """Names of plain functions and of methods that are called."""
    called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {f.id for f in called if isinstance(f, ast.Name)} & BUILTINS
    return names | {f.attr for f in called if isinstance(f, ast.Attribute)} & METHODS


def test_what_is_handed_in_is_still_needed() -> None:
    used = {name for module in decides() for name in imports(trees()[module])}
    assert set(HANDED_IN) <= used


def test_the_four_packages_export_nothing() -> None:
    assert not [folder for folder in FOLDERS if has_code(trees()[f"tiphys.{folder}"])]


def test_every_module_says_what_it_is_for() -> None:
    assert not [name for name, tree in trees().items() if not ast.get_docstring(tree)]


def test_sizes_are_in_bounds() -> None:
    assert not oversized(ROOT)
