"""One step in a real process, from its task to its answer."""

from __future__ import annotations

import os

import pytest

from tests.workflows.worker.bench import Bench


def test_result_and_entry(bench: Bench) -> None:
    bench.step("return a + b", signature="work(a: int, b: int) -> int")
    ended = bench.run(arguments={"a": 2, "b": 3}, notes=("planned",))
    assert ended.output == 5
    assert os.waitstatus_to_exitcode(ended.exited.status) == 0
    entry = bench.store.entry(f"{1:064x}", ended.answer.entry or "")
    assert entry is not None
    assert (entry.outputs, entry.components, entry.notes) == (5, {"code": "c", "environment": {}}, ("planned",))
    assert (entry.writer.run, entry.writer.address, entry.writer.scope) == ("r1", "work", "user/ann")
    assert ended.answer.seconds > 0
    assert ended.exited.max_rss_bytes > 1 << 20


def test_prints_come_in_order_and_are_logged(bench: Bench) -> None:
    bench.step(
        """
        import sys
        for i in range(50):
            print("out", i)
            print("err", i, file=sys.stderr)
        os.write(1, b"raw\\n")
        print("no end", end="")
        return 0
        """,
        head="import os",
    )
    task = bench.task()
    ended = bench.wait(bench.workers.start(task), task)
    expected = [f"{kind} {i}" for i in range(50) for kind in ("out", "err")] + ["raw", "no end"]
    assert ended.lines == expected
    with open(task.log_path, encoding="utf-8") as log:
        assert log.read().splitlines() == expected


def test_artifacts_in_and_out(bench: Bench) -> None:
    bench.step(
        """
        text = source.path.read_text()
        source.path.write_text("edited")
        with open("out.txt", "w") as file:
            file.write(text.upper())
        return Pair(File("out.txt"), [source])
        """,
        head="""
        from dataclasses import dataclass
        from tiphys import File

        @dataclass(frozen=True)
        class Pair:
            made: File
            passed: list[File]
        """,
        signature="work(source: File) -> Pair",
    )
    node = bench.put("abc")
    ended = bench.run(arguments={"source": node})
    made = ended.output["fields"]["made"]
    assert bench.store.read_bytes(made["digest"]) == b"ABC"
    assert (made["$artifact"], made["kind"], made["size"], made["name"]) == ("File", "file", 3, "out.txt")
    assert {o.digest for o in ended.answer.objects} == {made["digest"], ended.output["fields"]["passed"][0]["digest"]}
    assert bench.store.read_bytes(node["digest"]) == b"abc"  # the step had a copy
    assert ended.answer.observed.files == {}


def test_user_exception_shows_the_users_frames_alone(bench: Bench) -> None:
    bench.freeze("helper.py", "def check(x):\n    raise ValueError(f'bad {x}')\n")
    bench.step("check(3)\nreturn 1", head="from helper import check")
    answer = bench.run().answer
    assert (answer.state, answer.kind, answer.reason) == ("failed", "user", "ValueError: bad 3")
    assert answer.error.splitlines()[-1] == "ValueError: bad 3"
    assert answer.error.count("Traceback") == 1
    assert "helper.py" in answer.error
    assert "raise ValueError" in answer.error
    assert "tiphys" not in answer.error
    assert "<frozen" not in answer.error
    assert answer.entry is None


def test_library_frames_are_shown_and_causes_too(bench: Bench) -> None:
    bench.step(
        """
        try:
            json.loads("{")
        except ValueError as error:
            raise KeyError("wrapped") from error
        """,
        head="import json",
    )
    error = bench.run().answer.error
    assert "json/decoder.py" in error
    assert "direct cause" in error
    assert error.splitlines()[-1] == "KeyError: 'wrapped'"


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        ("raise SystemExit(3)", "user", "the step called sys.exit(3)"),
        ("import sys; sys.exit()", "user", "the step called sys.exit(None)"),
        ("raise MemoryError", "memory", "the step ran out of memory"),
        ("return bytearray(1 << 62)", "memory", "the step ran out of memory"),
        ("raise KeyboardInterrupt", "user", "KeyboardInterrupt"),
        ("return 'text'", "input", "the result of work is str 'text', declared int"),
    ],
)
def test_kinds_of_failure(bench: Bench, body: str, kind: str, reason: str) -> None:
    bench.step(body)
    ended = bench.run()
    assert (ended.answer.state, ended.answer.kind, ended.answer.reason) == ("failed", kind, reason)
    assert os.waitstatus_to_exitcode(ended.exited.status) == 1


def test_a_data_frame_is_refused_with_the_lines_to_write(bench: Bench) -> None:
    pytest.importorskip("pandas")
    bench.step("import pandas\nreturn pandas.DataFrame({'x': [1]})")
    answer = bench.run().answer
    assert answer.kind == "input"
    assert "DataFrame" in answer.reason
    assert "to_parquet" in answer.error


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("return File('missing.txt')", "there is no such file: the step wrote nothing"),
        ("open('a.txt', 'w').close()\nreturn File('b.txt')", "the step wrote a.txt"),
        ("return File('/etc/hostname')", "outside its working folder"),
        ("import os\nos.symlink('/etc/hostname', 'x.txt')\nreturn File('x.txt')", "outside its working folder"),
        ("import os\nos.mkdir('d')\nreturn File('d')", "folder"),
        ("open('a.txt', 'w').close()\nreturn Folder('a.txt')", "declared File"),
        ("return 'a.txt'", "declared File"),
    ],
)
def test_wrong_outputs_are_refused(bench: Bench, body: str, says: str) -> None:
    bench.step(body, head="from tiphys import File, Folder", signature="work() -> File")
    answer = bench.run().answer
    assert (answer.state, answer.kind) == ("failed", "input")
    assert says in answer.reason
    assert answer.entry is None


def test_broken_contract_names_both_steps(bench: Bench) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow as pa
    import pyarrow.parquet as pq

    bench.step(
        "return 1",
        head="from tiphys import Table, column\n\nclass Numbers(Table):\n    x = column('int64')\n",
        signature="work(numbers: Numbers) -> int",
    )
    path = bench.folder / "numbers.parquet"
    pq.write_table(pa.table({"x": ["a"]}), path)
    ref = bench.store.put_file(path)
    node = {"$artifact": "Numbers", "kind": "file", "digest": ref.digest, "size": ref.size, "name": "numbers.parquet"}
    answer = bench.run(arguments={"numbers": node}, producers={"numbers": "ingest"}).answer
    assert answer.kind == "contract"
    assert "made by ingest, read by work" in answer.error
    assert "'x'" in answer.error or " x " in answer.error


def test_import_errors_are_input(bench: Bench) -> None:
    bench.step("return 1", head="import no_such_library")
    answer = bench.run().answer
    assert answer.kind == "input"
    assert "No module named 'no_such_library'" in answer.reason
    assert "flow.py" in answer.error


def test_a_name_that_is_no_step(bench: Bench) -> None:
    bench.freeze("flow.py", "work = 3\n")
    answer = bench.run().answer
    assert answer.kind == "input"
    assert "work is int when flow is imported" in answer.reason


def test_a_fork_in_the_step_answers_once(bench: Bench) -> None:
    bench.step(
        """
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
            return 7
        return 8
        """,
        head="import os",
    )
    assert bench.run().output == 7


def test_a_thread_that_never_ends_does_not_hold_the_step(bench: Bench) -> None:
    bench.step(
        """
        import threading
        threading.Thread(target=threading.Event().wait).start()
        return 1
        """
    )
    assert bench.run().output == 1


def test_fork_free_state(bench: Bench) -> None:
    """No state goes from one step to the next."""
    bench.step("SEEN.append(1)\nreturn len(SEEN)", head="SEEN = []")
    assert [bench.run().output for _ in range(3)] == [1, 1, 1]


def test_relative_path_of_the_project_gets_a_hint(bench: Bench) -> None:
    bench.write("data/x.csv", "1")
    bench.step("open('data/x.csv')\nreturn 1")
    assert "hint: data/x.csv is in the project" in bench.run().answer.error


def test_spaces_and_non_ascii_paths(bench: Bench) -> None:
    bench.freeze("mein fluß/schritt.py", "from tiphys import step\n@step\ndef work() -> str:\n    return __file__\n")
    ended = bench.run(
        module="schritt", file="mein fluß/schritt.py", search=(str(bench.root / "mein fluß"), str(bench.root))
    )
    assert ended.output == str(bench.root / "mein fluß" / "schritt.py")


def test_store_that_refuses_is_platform(bench: Bench) -> None:
    bench.step("return 1")
    answer = bench.run(bundle={"flow.py": "0" * 64}).answer
    assert answer.kind == "platform"
