"""The closures of entries into two packages that we did not write, judged by trace, slice and mutation.

A copy of the package in a project stands for first-party code. Entries: the doctests of `more_itertools`, and small
programs that use `tinydb` as its manual does.
"""

from __future__ import annotations

import ast
import doctest
import importlib.util
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workflows.closure.oracle import entries_module, extent, missed, run_entries, write_slice
from tiphys.workflows.closure import CodeBase, CodeClosure
from tiphys.workflows.project import find_project

_SETUP = """
from tinydb import TinyDB, Query, where
from tinydb.storages import MemoryStorage, JSONStorage
from tinydb.middlewares import CachingMiddleware
from tinydb.operations import increment, delete, add
from tinydb.table import Document
from tinydb.utils import LRUCache, freeze
db = TinyDB(storage=MemoryStorage)
db.insert_multiple([{"a": n, "b": {"c": [n, n + 1]}} for n in range(4)])
"""
_TINYDB = [
    "return repr(db.search(where('a') == 1))",
    "return repr(db.search((Query().a > 0) & ~(Query().a == 2)))",
    "return repr(db.search(Query().b.c.any([2])))",
    "return repr(db.search(Query().a.one_of([1, 3]) | where('a').test(lambda v: v == 0)))",
    "db.update(increment('a'), where('a') == 1); return repr(db.all())",
    "db.update(delete('b')); return repr(db.all())",
    "db.update(add('a', 5), doc_ids=[2]); return repr(db.get(doc_id=2))",
    "db.upsert({'a': 9}, where('a') == 7); return repr(len(db))",
    "db.remove(where('a') < 2); return repr([d.doc_id for d in db])",
    "t = db.table('t', cache_size=2); t.insert(Document({'x': 1}, doc_id=7)); return repr(t.search(where('x') == 1))",
    "db.drop_tables(); db.truncate(); return repr(db.tables())",
    "c = TinyDB(storage=CachingMiddleware(MemoryStorage)); c.insert({'x': 1}); c.close(); return repr(c.storage.cache)",
    "j = TinyDB('db.json', indent=1); j.insert({'x': 1}); j.close(); return repr(open('db.json').read())",
    "l = LRUCache(capacity=2); l['a'] = 1; l['b'] = 2; l['c'] = 3; return repr(list(l.keys()))",
    "return repr(freeze({'a': [1, {2}]}))",
    "return repr(hash(where('a') == 1) == hash(where('a') == 1))",
    "return repr(db.count(where('a').map(lambda v: v * 2) == 4))",
    "return repr(db.contains(where('b').c.all([1, 2])))",
]


_PRELOADED = {"tinydb": "tinydb.middlewares,tinydb.operations", "more_itertools": "more_itertools"}


def _tinydb_entries() -> dict[str, str]:
    return {f"entry_{i}": _SETUP + text.replace("; ", "\n") for i, text in enumerate(_TINYDB)}


def _doctest_entries(module_name: str, most: int) -> dict[str, str]:
    """Functions that do what a sample of a module's doctests does, and return what they show."""
    module = importlib.import_module(module_name)
    tests = [
        t
        for t in doctest.DocTestFinder().find(module)
        if t.examples and "import *" not in str([e.source for e in t.examples])
    ]
    random.Random(1).shuffle(tests)
    entries = {}
    for number, test in enumerate(tests[:most]):
        used = {n.id for e in test.examples for n in ast.walk(_parsed(e.source)) if isinstance(n, ast.Name)}
        names = sorted(name for name in used if name in vars(module))
        lines = [f"from {module_name} import {', '.join(names)}"] if names else []
        lines += ["out = []", *_shown(test.examples), "return repr(out)"]
        entries[f"entry_{number}"] = "\n".join(lines)
    return entries


def _parsed(source: str) -> ast.Module:
    return ast.parse(source)


def _shown(examples: list[doctest.Example]) -> Iterator[str]:
    for example in examples:
        if example.exc_msg is None and "SKIP" not in example.source:
            for statement in _parsed(example.source).body:
                text = ast.unparse(statement)
                yield f"out.append(repr({text}))" if isinstance(statement, ast.Expr) else text


def _project(folder: Path, package: str, entries: dict[str, str], cache: Path | None = None) -> CodeBase:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    ignored = shutil.ignore_patterns("__pycache__", "*.pyi", "mypy_plugin.py")
    shutil.copytree(Path(spec.origin).parent, folder / package, ignore=ignored)
    (folder / "main.py").write_text(entries_module(entries), encoding="utf-8")
    (folder / "pyproject.toml").touch()
    return CodeBase(find_project(folder / "main.py"), cache)


def _closures(code: CodeBase, names: list[str]) -> dict[str, CodeClosure]:
    return {name: code.step("main", name) for name in names}


CASES = [
    pytest.param("tinydb", _tinydb_entries(), id="tinydb"),
    pytest.param("more_itertools", _doctest_entries("more_itertools.more", 24), id="more_itertools.more"),
    pytest.param("more_itertools", _doctest_entries("more_itertools.recipes", 8), id="more_itertools.recipes"),
]


@pytest.mark.parametrize(("package", "entries"), CASES)
def test_what_runs_is_in_the_closure(tmp_path: Path, package: str, entries: dict[str, str]) -> None:
    code = _project(tmp_path, package, entries)
    answers = run_entries(tmp_path, entries, preload=_PRELOADED[package])
    ran = 0
    for name, closure in _closures(code, list(entries)).items():
        assert not answers[name].out.startswith("raised"), answers[name].out
        assert missed(tmp_path, closure, answers[name]) == []
        ran += len(answers[name].executed)
    assert ran > len(entries)


@pytest.mark.parametrize(("package", "entries"), CASES)
def test_a_slice_gives_the_same(tmp_path: Path, package: str, entries: dict[str, str]) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    code = _project(whole, package, entries)
    expected = run_entries(whole, entries)
    for name, closure in _closures(code, list(entries)).items():
        sliced = tmp_path / name
        write_slice(whole, closure, sliced)
        assert run_entries(sliced, [name])[name].out == expected[name].out, name


class _Mutation(ast.NodeTransformer):
    """Changes the first literal or operator that is no docstring."""

    def __init__(self) -> None:
        self.done = False

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return node if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if self.done:
            return node
        self.done = True
        return ast.Constant("mutated" if node.value != "mutated" else "changed")

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        if self.done or isinstance(node.op, ast.Sub):
            return self.generic_visit(node)
        self.done = True
        return ast.BinOp(node.left, ast.Sub(), node.right)


def _mutated(source: str, statement: ast.stmt) -> str | None:
    mutation = _Mutation()
    changed = mutation.visit(ast.parse(ast.unparse(statement)).body[0])
    if not mutation.done:
        return None
    first, last = extent(statement)
    lines = source.splitlines()
    text = ast.unparse(ast.fix_missing_locations(changed))
    return "\n".join([*lines[: first - 1], text, *lines[last:]]) + "\n"


MUTATED = [
    pytest.param(
        "tinydb", _tinydb_entries(), ["tinydb/queries.py", "tinydb/utils.py", "tinydb/operations.py"], id="tinydb"
    ),
    pytest.param(
        "more_itertools",
        _doctest_entries("more_itertools.recipes", 8),
        ["more_itertools/recipes.py"],
        id="more_itertools",
    ),
]


@pytest.mark.parametrize(("package", "entries", "modules"), MUTATED)
def test_a_mutation_counts_just_where_it_is_reached(
    tmp_path: Path, package: str, entries: dict[str, str], modules: list[str]
) -> None:
    folder, cache = tmp_path / "project", tmp_path / "cache"
    folder.mkdir()
    code = _project(folder, package, entries, cache)
    closures = _closures(code, list(entries))
    entry = max(entries, key=lambda name: sum(unit.file == modules[0] for unit in closures[name].units))
    before = closures[entry]
    code.close()
    counts = {True: 0, False: 0}
    for module in modules:
        source = (folder / module).read_text(encoding="utf-8")
        statements = ast.parse(source).body
        reached = {(unit.first_line, unit.last_line) for unit in before.units if unit.file == module}
        random.Random(2).shuffle(statements)
        statements.sort(key=lambda s: extent(s) not in reached)
        for statement in statements[:40]:
            changed = _mutated(source, statement)
            if changed is None or isinstance(statement, ast.Import | ast.ImportFrom):
                continue
            (folder / module).write_text(changed, encoding="utf-8")
            after = CodeBase(find_project(folder / "main.py"), cache).step("main", entry)
            is_reached = extent(statement) in reached
            assert (after.digest != before.digest) == is_reached, ast.unparse(statement)[:200]
            counts[is_reached] += 1
        (folder / module).write_text(source, encoding="utf-8")
    assert all(counts.values()), counts
