"""What runs is what was digested, whatever the files on disk say by now."""

from __future__ import annotations

import pytest

from tests.workflows.worker.bench import Bench


def test_frozen_bytes_run_although_the_files_changed(bench: Bench) -> None:
    bench.freeze("helper.py", "def f():\n    return 1\n")
    bench.step("return f()", head="from helper import f")
    bench.write("helper.py", "def f():\n    return 2\n")
    bench.write("flow.py", "raise SystemExit\n")
    assert bench.run().output == 1


def test_deleted_files_and_namespace_folders(bench: Bench) -> None:
    bench.freeze("pkg/__init__.py", "from pkg.inner import A\n")
    bench.freeze("pkg/inner.py", "A = 1\n")
    bench.freeze("loose/deep/part.py", "B = 2\n")
    bench.step("return A + part.B", head="from pkg import A\nfrom loose.deep import part")
    for name in ("pkg/inner.py", "loose/deep/part.py"):
        (bench.root / name).unlink()
    (bench.root / "loose/deep").rmdir()
    (bench.root / "loose").rmdir()
    assert bench.run().output == 3


def test_file_and_package_attributes_are_the_originals(bench: Bench) -> None:
    bench.freeze("pkg/__init__.py", "")
    bench.freeze("pkg/mod.py", "")
    bench.step(
        "return [__file__, pkg.mod.__file__, *pkg.__path__, pkg.mod.__spec__.parent, str(__spec__.has_location)]",
        head="import pkg.mod",
        signature="work() -> list[str]",
    )
    root = bench.root
    assert bench.run().output == [
        str(root / "flow.py"), str(root / "pkg/mod.py"), str(root / "pkg"), "pkg", "True"
    ]  # fmt: skip


def test_traceback_and_source_are_the_frozen_ones(bench: Bench) -> None:
    bench.step("print(inspect.getsource(work.function))\nraise ValueError('frozen line')", head="import inspect")
    bench.write("flow.py", "\n" * 20)
    ended = bench.run()
    assert "raise ValueError('frozen line')" in ended.answer.error
    assert any("def work" in line for line in ended.lines)


def test_no_pyc_is_used_or_written_for_the_project(bench: Bench) -> None:
    bench.freeze("helper.py", "X = 1\n")
    bench.write("late.py", "Y = 2\n")
    bench.step("import late\nreturn X + late.Y", head="from helper import X")
    assert bench.run(search=(str(bench.root),)).answer.state in ("succeeded", "failed")
    assert not (bench.root / "__pycache__").exists()


def test_search_order_and_a_name_of_the_standard_library(bench: Bench) -> None:
    bench.freeze("a/same.py", "X = 'a'\n")
    bench.freeze("b/same.py", "X = 'b'\n")
    bench.freeze("json.py", "dumps = lambda value: 'mine'\n")
    bench.step("return same.X + json.dumps(1)", head="import json\nimport same", signature="work() -> str")
    folders = (bench.root / "b", bench.root / "a", bench.root)
    assert bench.run(search=tuple(map(str, folders))).output == "bmine"


@pytest.mark.parametrize("name", ["workflows", "cluster", "serving"])
def test_folders_with_our_names(bench: Bench, name: str) -> None:
    bench.freeze(f"{name}/__init__.py", "X = 5\n")
    bench.freeze(f"{name}/errors.py", "Y = 6\n")
    bench.step(f"return {name}.X + Y", head=f"import {name}\nfrom {name}.errors import Y")
    assert bench.run().output == 11


def test_syntax_error_names_the_line(bench: Bench) -> None:
    bench.freeze("flow.py", "x = (\n")
    answer = bench.run().answer
    assert answer.kind == "input"
    assert "flow.py" in answer.error
    assert "line 1" in answer.error


def test_multiprocessing_by_spawn_and_by_fork(bench: Bench) -> None:
    bench.step(
        """
        total = 0
        for method in ("fork", "spawn"):
            with multiprocessing.get_context(method).Pool(1) as pool:
                total += sum(pool.map(abs, [-1, -2]))
        return total
        """,
        head="import multiprocessing",
    )
    assert bench.run().output == 6


def test_encoding_declared_in_the_source(bench: Bench) -> None:
    path = bench.root / "flow.py"
    text = "# coding: latin-1\nfrom tiphys import step\n@step\ndef work() -> str:\n    return 'ü'\n"
    path.write_bytes(text.encode("latin-1"))
    bench.bundle["flow.py"] = bench.store.put_file(path).digest
    assert bench.run().output == "ü"
