"""Life and death of worker processes: starting, time-outs, kills, and the end of the engine."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.workflows.worker.bench import LIMIT_SECONDS, PATIENCE_SECONDS, Bench
from tiphys.cluster.errors import PlatformError
from tiphys.workflows.worker import client
from tiphys.workflows.worker.client import Exited, LogLines, Workers

_STUBBORN = """
import os, signal, subprocess, sys
child = subprocess.Popen(
    [sys.executable, "-c", "import signal, os; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
     "print('grandchild', os.getpid(), flush=True); signal.pause()"],
    start_new_session={session},
)
signal.pause()
return 1
"""


def _pidfds(pids: list[int]) -> list[int]:
    found = []
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            found.append(os.pidfd_open(pid))
    return found


def _all_end(descriptors: list[int]) -> bool:
    """Whether all of these processes end within the limit."""
    limit = time.monotonic() + LIMIT_SECONDS
    for fd in descriptors:
        ready, _, _ = select.select([fd], [], [], max(0.0, limit - time.monotonic()))
        os.close(fd)
        if not ready:
            return False
    return True


def _until_line(bench: Bench, word: str) -> list[str]:
    """Words of the first line that begins with `word`."""
    limit = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < limit:
        for event in bench.workers.events(PATIENCE_SECONDS):
            assert isinstance(event, LogLines), event
            for line in event.lines:
                if line.startswith(word):
                    return line.split()
    raise AssertionError(f"no line begins with {word}")


def test_killed_worker_is_lost(bench: Bench) -> None:
    bench.step("print('here', flush=True)\nimport signal\nsignal.pause()\nreturn 1")
    task = bench.task()
    pid = bench.workers.start(task)
    _until_line(bench, "here")
    os.kill(pid, signal.SIGKILL)
    ended = bench.wait(pid, task)
    assert os.WTERMSIG(ended.exited.status) == signal.SIGKILL
    assert ended.done is None


def test_exit_without_an_answer_is_lost(bench: Bench) -> None:
    bench.step("import os\nos._exit(0)")
    ended = bench.run()
    assert (ended.exited.status, ended.done) == (0, None)


def test_kill_is_sigterm_first(bench: Bench) -> None:
    bench.step(
        """
        import os, select, signal
        def end(number, frame):
            os.write(1, b"asked to end\\n")  # `print` refuses to run inside another `print`
            raise SystemExit(4)
        signal.signal(signal.SIGTERM, end)
        print("ready", flush=True)
        for _ in range(3000):  # `pause` would miss a signal that comes just before it
            select.select([], [], [], 0.01)
        return 1
        """
    )
    task = bench.task()
    pid = bench.workers.start(task)
    _until_line(bench, "ready")
    bench.workers.kill(pid)
    ended = bench.wait(pid, task)
    assert ended.lines == ["asked to end"]
    assert ended.answer.reason == "the step called sys.exit(4)"


def test_kill_reaches_grandchildren_that_ignore_sigterm(bench: Bench) -> None:
    bench.step(_STUBBORN.format(session=False))
    task = bench.task()
    pid = bench.workers.start(task)
    grandchild = _pidfds([int(_until_line(bench, "grandchild")[1])])
    bench.workers.kill(pid)
    ended = bench.wait(pid, task)
    assert os.WTERMSIG(ended.exited.status) == signal.SIGTERM
    assert _all_end(grandchild)


def test_kill_reaches_other_process_groups_of_the_session(bench: Bench) -> None:
    bench.step(
        """
        import subprocess, sys
        run = "import os; os.setpgid(0, 0); print('grandchild', os.getpid(), flush=True); import signal; signal.pause()"
        subprocess.run([sys.executable, "-c", run])
        return 1
        """
    )
    task = bench.task()
    pid = bench.workers.start(task)
    grandchild = _pidfds([int(_until_line(bench, "grandchild")[1])])
    bench.workers.kill(pid)
    bench.wait(pid, task)
    assert _all_end(grandchild)


def test_what_a_step_leaves_behind_ends_with_it(bench: Bench) -> None:
    bench.step(
        """
        import subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
        return child.pid
        """
    )
    ended = bench.run()
    assert _all_end(_pidfds([ended.output]))


@pytest.mark.parametrize("signal_name", ["SIGKILL", "SIGTERM"])
def test_engine_killed_ends_server_children_and_grandchildren(bench: Bench, signal_name: str) -> None:
    bench.step(_STUBBORN.format(session=False))
    scratch = bench.folder / "scratch"
    scratch.mkdir()
    task = bench.task(env={"PATH": os.environ["PATH"], "TMPDIR": str(scratch)})
    script = (
        "import json, sys\n"
        "from tiphys.workflows.worker.client import Workers\n"
        "from tiphys.workflows.worker.task import Task\n"
        "workers = Workers()\n"
        "pid = workers.start(Task.from_json(json.load(sys.stdin)))\n"
        "print(workers._server, pid, flush=True)\n"
        "while True:\n"
        "    for event in workers.events():\n"
        "        print(*event.lines, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as engine:
        assert engine.stdin is not None
        assert engine.stdout is not None
        json.dump(task.to_json(), engine.stdin)
        engine.stdin.close()
        server, child = map(int, engine.stdout.readline().split())
        grandchild = int(engine.stdout.readline().split()[1])
        watched = _pidfds([server, child, grandchild])
        engine.send_signal(signal.Signals[signal_name])
    assert len(watched) == 3
    assert _all_end(watched)
    assert list(scratch.iterdir()) == []


def test_server_killed_loses_its_workers_and_the_next_start_makes_another(bench: Bench) -> None:
    bench.step("print('here', flush=True)\nimport signal\nsignal.pause()\nreturn 1")
    task = bench.task()
    pid = bench.workers.start(task)
    _until_line(bench, "here")
    os.kill(bench.workers._server, signal.SIGKILL)
    ended = bench.wait(pid, task)
    assert os.WTERMSIG(ended.exited.status) == signal.SIGKILL
    assert ended.done is None
    bench.step("return 2")
    assert bench.run().output == 2


def test_close_ends_what_runs(bench: Bench) -> None:
    bench.step(_STUBBORN.format(session=False))
    pid = bench.workers.start(bench.task())
    watched = _pidfds([pid, int(_until_line(bench, "grandchild")[1])])
    bench.close()
    bench.close()
    assert _all_end(watched)


def test_many_at_once(bench: Bench) -> None:
    bench.step("print(n)\nreturn n", signature="work(n: int) -> int")
    tasks = {bench.workers.start(task): task for task in (bench.task(arguments={"n": n}) for n in range(12))}
    exited: dict[int, Exited] = {}
    lines: dict[int, list[str]] = {}
    limit = time.monotonic() + LIMIT_SECONDS
    while len(exited) < len(tasks) and time.monotonic() < limit:
        for event in bench.workers.events(PATIENCE_SECONDS):
            if isinstance(event, Exited):
                exited[event.pid] = event
            else:
                lines.setdefault(event.pid, []).extend(event.lines)
    assert exited.keys() == tasks.keys()
    assert {pid: [str(task.arguments["n"])] for pid, task in tasks.items()} == lines


def test_events_are_woken_by_a_descriptor_and_by_time(bench: Bench) -> None:
    read_end, write_end = os.pipe()
    try:
        os.write(write_end, b"x")
        assert bench.workers.events(LIMIT_SECONDS, wake=read_end) == []
        assert bench.workers.events(0.0) == []
    finally:
        os.close(read_end)
        os.close(write_end)


def test_descriptors_and_temporary_folders_are_given_back(bench: Bench, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    bench.step("import tempfile\nreturn tempfile.mkstemp()[1]", signature="work() -> str")
    env = {**bench.task().env, "TMPDIR": str(scratch)}
    first = bench.run(env=env)
    assert first.output.startswith(f"{scratch}/tiphys-")
    assert list(scratch.iterdir()) == []
    before = len(os.listdir("/proc/self/fd"))
    bench.run(env=env)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_log_that_cannot_be_written_is_told(bench: Bench) -> None:
    bench.step("return 1")
    with pytest.raises(PlatformError, match="cannot write the log"):
        bench.workers.start(bench.task(log_path="/proc/nowhere/log"))


def test_a_server_that_cannot_start(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(client, "_SERVER", "tiphys.no_such_module")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    bench.step("return 1")
    task = bench.task(env={"TMPDIR": str(scratch)})
    with pytest.raises(PlatformError, match="has ended"):
        bench.workers.start(task)
    assert list(scratch.iterdir()) == []


def test_output_larger_than_a_pipe(bench: Bench) -> None:
    bench.step("print('x' * 300_000)\nprint('end')\nreturn 1")
    ended = bench.run()
    assert [len(line) for line in ended.lines] == [300_000, 3]


def test_a_large_task(bench: Bench) -> None:
    bench.step("return sum(numbers)", signature="work(numbers: list[int]) -> int")
    assert bench.run(arguments={"numbers": list(range(200_000))}).output == sum(range(200_000))


def test_workers_that_are_never_used_close() -> None:
    Workers().close()
