"""Wrong commands, settings, stores and surroundings: one message, the right exit code, nothing lost."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.projects import HEAD, Project, a_project
from tests.workflows.wrong import NUMBER, RIGHT, RUN, TRACEBACK, Wrong, attempt, require_refused

Make = Callable[[str], Project]


def _words(line: str, says: str, fix: str) -> Wrong:
    return Wrong((says,), fix, words=tuple(line.split()))


def _setting(line: str, says: str, fix: str) -> Wrong:
    return Wrong(("pyproject.toml", says), fix, files={"pyproject.toml": f"[tool.tiphys]\n{line}\n"})


COMMANDS = {
    row.words: row
    for row in (
        _words("run", "required: FILE[:PIPELINE]", "tiphys run --help"),
        _words("rnu pipe.py", "no command 'rnu'", "did you mean run?"),
        _words("pipe.py", "no command 'pipe.py'", "did you mean tiphys run pipe.py?"),
        _words("store vrify", "no command 'store vrify'", "did you mean store verify?"),
        _words("run pipe.py --forse number", "no option --forse", "did you mean --force?"),
        _words("run pipe.py --parallel 0", "--parallel: '0' is not a whole number from 1", "--help"),
        _words("run pipe.py --profile nope", "no step and no setting knows the profile 'nope'", "cluster, local"),
        _words("run pipe.py --force numbr", "--force numbr: pipe:p has no step at 'numbr'", "addresses: number"),
        _words("run pipe.py --only numbr", "--only numbr: pipe:p has no step at 'numbr'", "addresses: number"),
        _words("run pipe.py --until number#2", "--until number#2: pipe:p has no step", "addresses: number"),
        _words("run pipe.py --force number[3]", "names an item, and 'number' is not in the body of an each", "number"),
        _words("plan pipe.py --fail-on x", "--fail-on: invalid choice: 'x'", "--help"),
        _words("runs", "there is no store in ", "run a pipeline first"),
        _words("why latest number", "there is no store in ", "run a pipeline first"),
        _words("store gc --keep 5m", "--keep='5m': 'm' could be minutes or months", "5min"),
    )
}

PAST = {
    row.words: row
    for row in (
        _words("show nope", "there is no run 'nope' in ", "`tiphys runs` lists all"),
        _words("show 2", "'2' is the start of 2 runs: ", "give more of the id"),
        _words("show ../x", "there is no run '../x'", "`tiphys runs` lists all"),
        _words("rerun latest --from-failed", "succeeded: there is no failed step", "tiphys rerun 2"),
        _words("spin latest nope", "pipe:p has no step at 'nope'", "addresses: number"),
        _words("why latest nope", "has no step 'nope'", "it has number"),
        _words("logs latest numbr", "has no step 'numbr'", "it has number"),
        _words("get latest numbr", "has no step 'numbr'", "it has number"),
        _words("get latest number auc", "number is one value and has no field 'auc'", "leave the field out"),
        _words("get latest number -o pipe.py", "pipe.py exists", "--force to replace it"),
        _words("get latest number -o no/where", "there is no folder /", "make it first"),
    )
}

SETTINGS = {
    "ill-typed": _setting('parallel = "abc"', "parallel = 'abc': expected a whole number of at least 1", "'parallel'"),
    "unknown": _setting("paralel = 2", "has no setting 'paralel'", "did you mean 'parallel'?"),
    "another store": _setting('store = "s3://a/b"', "store = 's3://a/b': expected the path of a folder", "'store'"),
    "not a list": _setting('path = "src"', "tool.tiphys.path is 'src', not a list of texts", 'write path = ["'),
    "memory of a profile": _setting('profiles.big.memory = "4GB"', "big.memory = '4GB'", "correct 'profiles'"),
    "key of a profile": _setting('profiles.big.memmory = "4Gi"', "(big.memmory)", "did you mean 'memory'?"),
    "missing lock": Wrong(
        ("[tool.tiphys.environments.default] lock = nope.lock: No such file",),
        "correct the path",
        files={"pyproject.toml": '[tool.tiphys.environments.default]\nlock = "nope.lock"\n'},
    ),
    "no TOML": Wrong(("cannot read ", "at line 1"), "TOML", files={"pyproject.toml": "[tool.tiphys\n"}),
    "ill-typed variable": Wrong(
        ("TIPHYS_PARALLEL=abc: expected a whole number",), "'parallel'", env={"TIPHYS_PARALLEL": "abc"}
    ),
    "unknown variable": Wrong(
        ("TIPHYS_PARALEL is set, and there is no such setting",), "'TIPHYS_PARALLEL'", env={"TIPHYS_PARALEL": "2"}
    ),
    "a file for the store": Wrong(
        ("/store is no folder: a file",), "--store", words=(*RUN, "--store", "store"), files={"store": "mine"}
    ),
    "a folder of the user's": Wrong(
        ("/src is not a store and holds other files (a.py",),
        "name an empty or new folder",
        words=(*RUN, "--store", "src"),
        files={"src/a.py": ""},
    ),
}


@pytest.mark.parametrize("row", COMMANDS.values(), ids=[" ".join(words) for words in COMMANDS])
def test_wrong_words(project: Make, row: Wrong) -> None:
    require_refused(project(row.text), row)


@pytest.mark.parametrize("row", SETTINGS.values(), ids=SETTINGS.keys())
def test_wrong_settings(project: Make, row: Wrong) -> None:
    made = project(row.text)
    require_refused(made, row)
    assert all((made.folder / name).exists() for name in row.files)
    assert not (made.folder / "src").exists() or os.listdir(made.folder / "src") == ["a.py"]


def test_wrong_words_about_past_runs(project: Make) -> None:
    made = project(RIGHT)
    for _ in range(2):
        assert made.tiphys(*RUN).returncode == 0
    for row in PAST.values():
        done = attempt(made, row)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert TRACEBACK not in done.stderr
        message, _, fix = done.stderr.partition("\nfix:   ")
        assert message.startswith("error: ")
        assert row.says[0] in message, done.stderr
        assert row.fix in fix, done.stderr
    assert len(list(made.store.runs())) == 2
    assert (made.folder / "pipe.py").read_text() == HEAD + RIGHT


def test_a_store_of_a_newer_format_is_left_alone(project: Make) -> None:
    made = project(RIGHT)
    assert made.tiphys(*RUN).returncode == 0
    (made.folder / ".tiphys" / "format.json").chmod(0o644)
    (made.folder / ".tiphys" / "format.json").write_text('{"format":99}\n')
    for words in (RUN, ("runs",), ("store", "ls")):
        done = made.tiphys(*words)
        assert done.returncode == 2
        assert "has format 99, this version of Tiphys reads formats up to 1" in done.stderr
        assert "upgrade Tiphys" in done.stderr
    (made.folder / ".tiphys" / "format.json").write_text('{"format":1}\n')
    assert made.states() == {"number": "hit"}


LARGE = """
from tiphys import File
@step
def small() -> int:
    return 1
@step
def large(x: int) -> File:
    with open("out.bin", "wb") as file:
        file.write(bytes(range(256)) * 16_000)
    return File("out.bin")
@pipeline
def p() -> File:
    return large(small())
"""


@contextmanager
def _small_disk(folder: Path, size: str) -> Iterator[Callable[[str], bool]]:
    """A disk of its own in `folder`; gives a function that mounts it anew with other options."""
    folder.mkdir(parents=True, exist_ok=True)

    def mount(options: str) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    if os.geteuid() or not mount(f"size={size}"):
        pytest.skip("only root may mount a disk")
    try:
        yield lambda options: mount(f"remount,{options}")
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize(
    ("size", "says"),
    [("2m", "No space left on device"), ("6m", "no space left (")],
    ids=["by the step", "by the store"],
)
def test_a_full_disk_fails_the_step_and_keeps_the_rest(project: Make, size: str, says: str) -> None:
    made = project(LARGE)
    with _small_disk(made.folder / ".tiphys", size) as remount:
        done = made.tiphys(*RUN)
        assert (done.returncode, done.stderr) == (1, ""), done.stdout + done.stderr
        assert says in done.stdout.partition("\nfailed: large\n")[2]
        assert "tiphys/workflows/" not in done.stdout
        assert remount("size=64m")
        assert made.states() == {"small": "hit", "large": "succeeded"}
        assert remount("ro")
        again = made.tiphys(*RUN)
        assert again.returncode == 5
        assert "the file system is read-only" in again.stderr
        assert "fix:   remount it for writing, or name another store with --store" in again.stderr
        assert TRACEBACK not in again.stderr
        assert made.tiphys("get", "latest", "small").stdout == "1\n"


def test_a_store_without_room_for_a_record_is_exit_5(project: Make) -> None:
    made = project(RIGHT)
    with _small_disk(made.folder / ".tiphys", "2m"):
        assert made.tiphys(*RUN).returncode == 0
        with (
            open(made.folder / ".tiphys" / "tmp" / "filler", "wb", buffering=0) as file,
            contextlib.suppress(OSError),
        ):
            while True:
                file.write(bytes(4096))
        done = made.tiphys(*RUN, "--force", "number")
        assert (done.returncode, done.stdout) == (5, ""), done.stdout
        assert "no space left (" in done.stderr
        assert "fix:   free some space (`tiphys store gc --yes`" in done.stderr
        assert TRACEBACK not in done.stderr
        (made.folder / ".tiphys" / "tmp" / "filler").unlink()
        assert made.states() == {"number": "hit"}


def test_a_limit_on_the_size_of_files_is_told_with_the_users_line(project: Make) -> None:
    made = project(LARGE)
    limited = ["sh", "-c", 'ulimit -f 4000; exec "$0" "$@"', str(made.command), *RUN]
    done = subprocess.run(limited, cwd=made.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "OSError: [Errno 27] File too large" in done.stdout
    assert "pipe.py" in done.stdout
    assert ", in large" in done.stdout


# What works although it looks odd -------------------------------------------------------------------------------------
def test_spaces_and_any_letters_in_paths(tmp_path: Path) -> None:
    made = a_project(tmp_path / "Übung 1 – \u6d4b\u8bd5" / "it's", LARGE.replace("out.bin", "aus gabe ü.bin"))
    assert made.tiphys(*RUN).returncode == 0
    assert made.states() == {"small": "hit", "large": "hit"}
    assert made.tiphys("get", "latest", "large", "-o", "ü 1.bin").returncode == 0
    assert (made.folder / "ü 1.bin").stat().st_size == 4_096_000


@pytest.mark.parametrize(
    ("head", "files"),
    [
        ("from workflows.a import f", {"workflows/__init__.py": "", "workflows/a.py": "def f(): return 4\n"}),
        ("from cluster import f", {"cluster.py": "def f(): return 4\n"}),
        ("from serving.ray_jobs import f", {"serving/__init__.py": "", "serving/ray_jobs.py": "def f(): return 4\n"}),
        ("from json import f", {"json.py": "def f(): return 4\n"}),
        ("from queue import f", {"queue.py": "def f(): return 4\n"}),
    ],
    ids=["workflows", "cluster", "serving.ray_jobs", "json", "queue"],
)
def test_a_module_with_one_of_our_names_or_of_the_librarys(project: Make, head: str, files: dict[str, str]) -> None:
    made = project(f"{head}\n{RIGHT}".replace("return 3", "return f()"))
    done = attempt(made, Wrong((), "", files=files))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "result: 4" in done.stdout
    assert "1 cached" in made.tiphys(*RUN).stdout


@pytest.mark.parametrize("name", ["workflows.py", "cluster/flow.py", "json.py", "my-pipe.py", "class.py"])
def test_a_pipeline_file_with_an_odd_name(project: Make, name: str) -> None:
    done = attempt(project(""), Wrong((), "", words=("run", name), files={name: HEAD + RIGHT}))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "result: 3" in done.stdout


def test_a_script_that_runs_its_own_pipeline_is_told_the_way_out(project: Make) -> None:
    made = project(
        f'{NUMBER}@pipeline\ndef p() -> int:\n    return number()\nif __name__ == "__main__":\n    p.run()\n'
    )
    done = made.python("pipe.py")
    assert done.returncode != 0
    assert "the pipeline 'p' is defined in __main__" in done.stderr
    assert "tiphys run pipe.py" in done.stderr or f"tiphys run {made.file}" in done.stderr
    assert made.tiphys(*RUN).returncode == 0
