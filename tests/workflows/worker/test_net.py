"""What the net sees of a real step: files, folders, absent names, modules, variables, processes, connections."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from blake3 import blake3

from tests.workflows.worker.bench import Bench
from tiphys.cluster.fingerprint import Fingerprints
from tiphys.cluster.store.records import FOLDER_PRESENT, Observed

HERE = "from pathlib import Path\nHERE = Path(__file__).resolve().parent\n"


def _digest(text: str) -> str:
    return blake3(text.encode()).hexdigest()


def _observe(bench: Bench, body: str, head: str = HERE, **changes: object) -> Observed:
    bench.step(textwrap.dedent(body).strip("\n") + "\nreturn 0", head=head)
    ended = bench.run(**changes)
    assert ended.output == 0
    return ended.answer.observed


# Files ----------------------------------------------------------------------------------------------------------------
def test_a_step_that_looks_at_nothing(bench: Bench) -> None:
    assert _observe(bench, "import json, decimal, random", head="import pathlib") == Observed()


@pytest.mark.parametrize(
    "read",
    [
        "open(HERE / 'data.txt').close()",
        "(HERE / 'data.txt').read_text()",
        "os.close(os.open(str(HERE / 'data.txt'), os.O_RDONLY))",
        "open(os.fsencode(HERE / 'data.txt'), 'rb').close()",
        "os.chdir(HERE); open('data.txt').close()",
        "t = threading.Thread(target=(HERE / 'data.txt').read_text); t.start(); t.join()",
        "shutil.copy(HERE / 'data.txt', 'copy.txt')",
        "open(HERE / 'data.txt', 'r+').close()",
        "open(HERE / 'data.txt', 'a').close()",
        "(HERE / 'data.txt').exists()",
        "os.path.getsize(HERE / 'data.txt')",
        "os.access(HERE / 'data.txt', os.R_OK)",
        "pid = os.fork()\nif pid == 0:\n    open(HERE / 'data.txt').read(); os._exit(0)\nos.waitpid(pid, 0)",
        "multiprocessing.get_context('fork').Pool(1).apply((HERE / 'data.txt').read_text)",
    ],
)
def test_a_file_that_is_read_or_looked_at(bench: Bench, read: str) -> None:
    bench.write("data.txt", "3")
    observed = _observe(bench, read, HERE + "import os, shutil, threading, multiprocessing\n")
    assert observed.files == {"data.txt": _digest("3")}
    assert observed.local == ()


@pytest.mark.parametrize(
    "look",
    [
        "(HERE / 'later.txt').exists()",
        "os.path.isdir(HERE / 'later.txt')",
        "os.access(HERE / 'later.txt', os.R_OK)",
        "os.path.lexists(HERE / 'later.txt')",
        "try:\n    open(HERE / 'later.txt')\nexcept FileNotFoundError:\n    pass",
        "try:\n    os.listdir(HERE / 'later.txt')\nexcept FileNotFoundError:\n    pass",
    ],
)
def test_an_absent_name_that_is_tried(bench: Bench, look: str) -> None:
    assert _observe(bench, look, HERE + "import os\n").files == {"later.txt": None}


@pytest.mark.parametrize("call", ["os.listdir(HERE / 'parts')", "list((HERE / 'parts').iterdir())",
                                  "list(os.scandir(HERE / 'parts'))", "glob.glob(str(HERE / 'parts' / '*.txt'))",
                                  "list((HERE / 'parts').glob('*.txt'))"])  # fmt: skip
def test_a_listing(bench: Bench, call: str) -> None:
    bench.write("parts/a.txt", "1")
    observed = _observe(bench, call, HERE + "import os, glob\n")
    assert observed.folders == {"parts": Fingerprints(None).listing(bench.root / "parts")}


def test_a_folder_that_is_only_found(bench: Bench) -> None:
    bench.write("parts/a.txt", "1")
    observed = _observe(bench, "assert (HERE / 'parts').is_dir()")
    assert observed == Observed(folders={"parts": FOLDER_PRESENT})


def test_sources_in_the_key_are_no_observation_unless_they_are_read(bench: Bench) -> None:
    bench.freeze("pkg/__init__.py", "")
    looks = "assert (HERE / 'pkg').is_dir() and (HERE / 'pkg' / '__init__.py').exists()"
    assert _observe(bench, looks, HERE + "import pkg\n") == Observed()
    observed = _observe(bench, "(HERE / 'pkg' / '__init__.py').read_text()", HERE + "import pkg\n")
    assert observed.files == {"pkg/__init__.py": _digest("")}


def test_reads_while_the_module_is_imported(bench: Bench) -> None:
    bench.write("data.txt", "3")
    assert _observe(bench, "pass", HERE + "TEXT = (HERE / 'data.txt').read_text()\n").files == {
        "data.txt": _digest("3")
    }


def test_package_data(bench: Bench) -> None:
    bench.freeze("pkg/__init__.py", "")
    bench.write("pkg/data.txt", "3")
    head = "from importlib import resources\nimport pkg, pkgutil\n"
    for read in ("(resources.files('pkg') / 'data.txt').read_text()", "pkgutil.get_data('pkg', 'data.txt')"):
        assert _observe(bench, read, head).files["pkg/data.txt"] == _digest("3")


def test_the_digest_is_of_before(bench: Bench) -> None:
    """The step reads, then changes the file: what it read is the input, and the change is told."""
    bench.write("data.txt", "3")
    bench.step("p = HERE / 'data.txt'\np.read_text()\np.write_text('4')\np.read_text()\nreturn 0", head=HERE)
    answer = bench.run().answer
    assert answer.observed.files == {"data.txt": _digest("3")}
    assert answer.notes == ("the step writes outside its working folder, which a hit does not repeat: data.txt",)


def test_own_files_are_no_inputs(bench: Bench) -> None:
    body = """
    for p in (HERE / 'made.txt', Path('mine.txt'), Path(tempfile.mkdtemp()) / 'x'):
        p.write_text('1')
        assert p.exists()
        p.read_text()
    (HERE / 'folder').mkdir()
    (HERE / 'folder' / 'x').write_text('1')
    (HERE / 'made.txt').rename(HERE / 'moved.txt')
    (HERE / 'moved.txt').read_text()
    """
    assert _observe(bench, body, HERE + "import tempfile\n") == Observed(env=("TEMP", "TMP"))


def test_files_elsewhere_are_absolute_and_system_files_count_when_the_user_opens_them(bench: Bench) -> None:
    outside = bench.folder / "outside.txt"
    outside.write_text("9")
    body = f"open({str(outside)!r}).close()\nmimetypes.guess_type('x.y')\nopen('/etc/hostname').close()"
    files = _observe(bench, body, "import mimetypes\n").files
    hostname = Path("/etc/hostname").read_bytes()
    assert files == {str(outside): _digest("9"), "/etc/hostname": blake3(hostname).hexdigest()}


def test_pipes_and_devices_are_not_read(bench: Bench) -> None:
    body = "os.mkfifo(HERE / 'pipe')\nassert (HERE / 'pipe').exists()\nopen('/dev/null').close()"
    assert _observe(bench, body, HERE + "import os\n") == Observed()


def test_sqlite_databases(bench: Bench) -> None:
    import sqlite3

    with sqlite3.connect(bench.root / "data.db") as database:
        database.execute("create table t (x)")
    database.close()
    digest = blake3((bench.root / "data.db").read_bytes()).hexdigest()
    assert _observe(bench, "sqlite3.connect(HERE / 'data.db').close()", HERE + "import sqlite3\n").files == {
        "data.db": digest
    }


# Modules --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "load",
    [
        "importlib.import_module('plug' + 'in')",
        "__import__('plug' + 'in')",
        "exec('import plugin')",
        "pid = os.fork()\nif pid == 0:\n    import plugin; os._exit(0)\nos.waitpid(pid, 0)",
    ],
)
def test_modules_outside_the_closure(bench: Bench, load: str) -> None:
    from tiphys.workflows.closure import CodeBase
    from tiphys.workflows.project import find_project

    bench.write("plugin.py", "X = 1\n")
    observed = _observe(bench, load, "import importlib, os\n")
    assert observed.modules == {"plugin": CodeBase(find_project(bench.root / "flow.py"), None).module("plugin")}
    assert observed.files == {}


def test_a_computed_import_of_a_module_in_the_closure(bench: Bench) -> None:
    bench.freeze("plugin.py", "X = 1\n")
    observed = _observe(bench, "importlib.import_module('plug' + 'in')", "import importlib, plugin\n")
    assert observed.modules.keys() == {"plugin"}


def test_a_computed_import_that_fails(bench: Bench) -> None:
    body = "try:\n    importlib.import_module('pl' + 'ug')\nexcept ModuleNotFoundError:\n    pass"
    assert _observe(bench, body, "import importlib\n").modules == {"plug": ""}


def test_libraries_that_compute_imports(bench: Bench) -> None:
    assert _observe(bench, "import concurrent.futures\nconcurrent.futures.ThreadPoolExecutor", "") == Observed()


# The environment ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "read", ["os.environ['MODE']", "os.environ.get('MODE', '1')", "os.getenv('MODE')", "'MODE' in os.environ"]
)
def test_undeclared_variable_that_is_set_where_it_was_planned(bench: Bench, read: str) -> None:
    bench.step(f"try:\n    {read}\nexcept Exception:\n    pass\nreturn 0", head="import os")
    answer = bench.run(planner_env_names=("MODE",)).answer
    assert answer.kind == "input"
    assert answer.reason == (
        "step 'work' reads the environment variable MODE at flow.py:7, which is set where you plan but not declared"
    )
    assert "env=['MODE']" in answer.error


def test_undeclared_variable_that_is_not_set(bench: Bench) -> None:
    assert _observe(bench, "os.environ.get('MODE')", "import os\n", planner_env_names=()) == Observed(
        env=("MODE",), own_env=("MODE",)
    )


def test_a_library_that_reads_variables_of_the_planner_is_recorded(bench: Bench) -> None:
    body = "import tempfile\ntempfile.gettempdir()"
    assert _observe(bench, body, "", planner_env_names=("TEMP",)) == Observed(env=("TEMP", "TMP"))


def test_variables_that_are_declared_or_the_steps_own(bench: Bench) -> None:
    body = "os.environ['MINE'] = '1'\nassert os.environ['MINE'] == '1'\nassert os.environ.get('ABSENT') is None"
    observed = _observe(bench, body, "import os\n", declared=("ABSENT",), planner_env_names=("MINE", "ABSENT"))
    assert observed.env == ()


def test_passed_variables_and_iteration_are_noted(bench: Bench) -> None:
    bench.step("os.environ['HOME']\ndict(os.environ)\nreturn 0", head="import os")
    notes = bench.run().answer.notes
    assert notes == (
        "flow.py:6 reads HOME, whose value is not in the key: declare env=['HOME']",
        "flow.py:7 reads the whole environment: only declared names are in the key",
    )


# Processes and connections --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("subprocess.run(['true'], check=True)", "flow.py:7 starts 'true'"),
        ("subprocess.run('true', shell=True)", "flow.py:7 starts 'sh'"),
        ("os.system('true x')", "flow.py:7 starts 'true'"),
        ("os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)", "flow.py:7 starts 'true'"),
        ("os.waitpid(os.spawnv(os.P_NOWAIT, '/bin/true', ['true']), 0)", "flow.py:7 starts 'true'"),
        ("multiprocessing.get_context('spawn').Pool(1).apply(abs, [1])", "flow.py:7 starts 'python"),
        ("socket.socket().connect_ex(('127.0.0.1', 1))", "flow.py:7 connects to 127.0.0.1"),
        (
            "try:\n    socket.getaddrinfo('example.invalid', 80)\nexcept OSError:\n    pass",
            "connects to example.invalid",
        ),
    ],
)
def test_what_is_not_seen_makes_the_entry_local(bench: Bench, call: str, says: str) -> None:
    head = "import os, socket, subprocess, multiprocessing\n"
    observed = _observe(bench, call, head)
    assert len(observed.local) >= 1
    assert says in observed.local[0]
    assert _observe(bench, call, head, local_ok=True).local == ()


def test_what_describes_the_machine_and_what_stays_inside_is_not_local(bench: Bench) -> None:
    body = """
    subprocess.run(["uname", "-m"], check=True, stdout=subprocess.DEVNULL)
    server = socket.create_server(("127.0.0.1", 0))
    socket.create_connection(server.getsockname()).close()
    a, b = socket.socketpair()
    os.waitpid(os.posix_spawnp("nproc", ["nproc"], os.environ), 0)
    """
    assert _observe(bench, body, "import os, socket, subprocess\n").local == ()


# Functions ------------------------------------------------------------------------------------------------------------
_FUNCTIONS = """
import sys
from tiphys.workflows.worker.places import places_for
from tiphys.workflows.worker.watch_functions import WatchFunctions

sys.path.insert(0, {root!r})
import helper
watch = WatchFunctions(places_for({root!r}, [{root!r}]), {lines!r}, {{"helper.py": ""}})
watch.start()
helper.inside()
helper.inside()
watch.stop()
print(watch.outside)
"""


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_functions_outside_the_closure(bench: Bench, version: str) -> None:
    """On the Pythons that can tell; this one may be older."""
    python = _other_python(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    bench.write("helper.py", "def inside():\n    return outside()\n\ndef outside():\n    return [1 for _ in 'ab']\n")
    for lines, expected in (((1, 2),), "['helper.py:4 outside']\n"), (((1, 2), (4, 5)), "[]\n"):
        script = _FUNCTIONS.format(root=str(bench.root), lines={"helper.py": lines})
        found = [str(Path(__file__).parents[3]), *(p for p in sys.path if p.endswith("site-packages"))]
        shown = subprocess.run(
            [python, "-c", script], env={"PYTHONPATH": ":".join(found)}, capture_output=True, text=True, check=True
        )
        assert shown.stdout == expected


def _other_python(version: str) -> str | None:
    import shutil

    for candidate in (
        shutil.which(f"python{version}"),
        *map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python")),
    ):
        if candidate and subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return candidate
    return None
