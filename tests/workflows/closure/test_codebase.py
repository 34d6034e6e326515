"""What a closure tells besides its digest, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3

from tests.workflows.closure.cases import HEAD, step_of
from tests.workflows.closure.conftest import Tiny
from tiphys.cluster.errors import InputError
from tiphys.workflows.closure import CodeClosure, unit_text


# What a closure tells ---------------------------------------------------------------------------------------------
def test_units_name_what_pulled_them_in_and_show_their_text(tiny: Tiny) -> None:
    tiny.write(
        {**step_of("return f(x)", "from helper import f"), "helper.py": "# one\nK = 2\ndef f(x):\n    return x * K\n"}
    )
    closure = tiny.step()
    found = {f"{u.module}:{u.names[0]}": (u.pulled_by, u.role, u.first_line, u.last_line) for u in closure.units}
    assert found["main:go"] == ("", "code", 3, 5)
    assert found["helper:f"] == ("main:go", "code", 3, 4)
    assert found["helper:K"] == ("helper:f", "code", 2, 2)
    unit = next(u for u in closure.units if u.names == ("f",) and u.module == "helper")
    assert unit_text((tiny.folder / unit.file).read_bytes(), unit) == "def f(x):\n    return x * K\n"


def test_files_are_all_executed_modules_with_their_digests(tiny: Tiny) -> None:
    tiny.write({
        **step_of("from lazy import f; return f(x)", "import pkg.a"),
        "pkg/__init__.py": "", "pkg/a.py": "import other\n", "other.py": "", "lazy.py": "def f(x): return 1\n",
        "unused.py": "", "pkg/b.py": "",
    })  # fmt: skip
    files = tiny.step().files
    assert sorted(files) == ["lazy.py", "main.py", "other.py", "pkg/__init__.py", "pkg/a.py"]
    assert files["lazy.py"] == blake3((tiny.folder / "lazy.py").read_bytes()).hexdigest()


def test_imports_are_third_party_names_of_all_that_runs(tiny: Tiny) -> None:
    tiny.write({
        **step_of("import lxml.etree; return x", "import os, numpy.linalg as la\nimport a\nfrom tiphys import Table"),
        "a.py": "try:\n    import torch\nexcept ImportError:\n    torch = None\ndef f():\n    import jax\n",
    })  # fmt: skip
    assert tiny.step().imports == {"numpy", "torch", "lxml"}


def test_a_folder_that_hides_a_library_hides_it_not(tiny: Tiny) -> None:
    tiny.write({**step_of("return torch.ones(x)", "import torch"), "torch/train.py": ""})
    assert tiny.step().imports == {"torch"}


@pytest.mark.parametrize(
    ("top", "body", "expected"),
    [
        ("", "return open('data/x.csv')", {"data/x.csv"}),
        ("", "return open('settings')", set()),
        ("", "return open('x.csv'), 'https://a.b/c.csv', '{}.csv', 'a\\nb.c'", {"x.csv"}),
        ("from pathlib import Path", "(Path(__file__).parent / 'data' / 'x.parquet').read_text()", {"data/x.parquet"}),
        ("from pathlib import Path", "return Path(__file__).parents[1] / 'shared'", {"/shared"}),
        ("from pathlib import Path", "return Path(__file__).with_name('x')", {"x"}),
        ("from pathlib import Path", "return Path(__file__).resolve().parent.joinpath('a', 'b')", {"a/b"}),
        ("import os", "return os.path.join(os.path.dirname(__file__), 'a', 'x')", {"a/x"}),
        ("import os\nHERE = os.path.dirname(os.path.abspath(__file__))", "return open(f'{HERE}/a/{\"x\"}')", {"a/x"}),
        ("from pathlib import Path\nHERE = Path(__file__).parent", "return HERE / 'x'", {"x"}),
        ("from pathlib import Path\nHERE = Path(__file__).parent", "return HERE", set()),
        ("from pathlib import Path\nDATA = Path(__file__).parent / 'data'", "return DATA / 'x'", {"data/x"}),
        ("from pathlib import Path\nDATA = Path(__file__).parent / 'data'", "return list(DATA.glob('*'))", {"data"}),
        ("from pathlib import Path", "here = Path(__file__).parent\n    return here / 'x'", {"x"}),
        ("from paths import HERE", "return HERE / 'x'", {"conf/x"}),
        ("import paths", "return paths.HERE / 'x'", {"conf/x"}),
        ("from importlib.resources import files", "return files('pkg').joinpath('x')", {"pkg/x"}),
        ("", "return open('/etc/hosts')", {"/etc/hosts"}),
        ("", "return f'{x:.4f} {x:{x}.2f} a.b'", set()),
        ("", "return open(f'x.csv')", {"x.csv"}),
        ("K = 'a'", "return open(f'data/{K}.csv')", {"data/a.csv"}),
    ],
)  # fmt: skip
def test_paths(tiny: Tiny, top: str, body: str, expected: set[str]) -> None:
    tiny.write({
        **step_of(body, top), "pkg/__init__.py": "",
        "paths.py": "from pathlib import Path\nROOT = Path(__file__).parent\nHERE = ROOT / 'conf'\n",
    })  # fmt: skip
    parent = str(tiny.folder.parent)
    assert {path.removeprefix(parent) for path in tiny.step().paths} == expected


def test_literals_count_below_the_root_and_beside_the_module(tiny: Tiny) -> None:
    tiny.write(
        {
            **step_of("return f()", "from pkg.a import f"),
            "pkg/__init__.py": "",
            "pkg/a.py": "def f(): return open('x.csv')\n",
        }
    )
    assert set(tiny.step().paths) == {"x.csv", "pkg/x.csv"}


def test_environment_names(tiny: Tiny) -> None:
    reads = "os.environ['A'], environ.get('B', 1), os.getenv('C'), 'D' in os.environ, os.environ.setdefault('E', '')"
    tiny.write(step_of(f"os.environ['F'] = '1'; return ({reads})", "import os\nfrom os import environ"))
    closure = tiny.step()
    assert closure.env_names == ("A", "B", "C", "D", "E")
    assert closure.notes == ()


@pytest.mark.parametrize(
    ("body", "processes", "sockets"),
    [
        ("return subprocess.run(['a'])", True, False),
        ("return os.system('a')", True, False),
        ("import requests; return requests.get('a')", False, True),
        ("from urllib.request import urlopen; return urlopen('a')", False, True),
        ("return os.getcwd()", False, False),
    ],
)
def test_processes_and_sockets(tiny: Tiny, body: str, processes: bool, sockets: bool) -> None:
    tiny.write(step_of(body, "import os, subprocess, socket"))
    closure = tiny.step()
    assert (closure.starts_processes, closure.opens_sockets) == (processes, sockets)


@pytest.mark.parametrize(
    ("body", "note"),
    [
        ("return importlib.import_module(str(x))", "main.py:5 imports a computed name"),
        ("return dict(os.environ)", "main.py:5 reads the whole environment"),
        ("return subprocess.run(['a'])", "main.py:3 starts other processes"),
        ("sys.path.append('x')", "main.py:5 changes sys.path"),
    ],
)
def test_notes(tiny: Tiny, body: str, note: str) -> None:
    tiny.write(step_of(body, "import importlib, os, subprocess, sys"))
    assert [found[: len(note)] for found in tiny.step().notes] == [note]


def test_a_decorator_that_registers_much_is_named(tiny: Tiny) -> None:
    functions = "".join(f"@register\ndef f{i}(): return {i}\n" for i in range(12))
    tiny.write(
        {**step_of("return ALL[x]()", f"ALL = []\ndef register(f):\n    ALL.append(f)\n    return f\n{functions}")}
    )
    assert tiny.step().notes == (
        "decorator register of main.py brings 12 functions into this step; "
        'if it only registers or wraps, add it to inert: inert = ["main.register"]',
    )


def test_a_container_is_its_own_closure() -> None:
    one = CodeClosure.of_container("m:c", {"image": "a@sha256:1", "command": ["x"]})
    assert one == CodeClosure.of_container("m:c", {"command": ["x"], "image": "a@sha256:1"})
    assert one.digest != CodeClosure.of_container("m:c", {"image": "a@sha256:2", "command": ["x"]}).digest


def test_a_module_as_entry(tiny: Tiny) -> None:
    tiny.write(
        {
            "plugin.py": "from helper import f\n",
            "helper.py": "def f(): return 1\ndef g(): return 2\n",
            **step_of("return x"),
        }
    )
    digest = tiny.code().module("plugin")
    tiny.replace("helper.py", "return 2", "return 3")
    assert tiny.code().module("plugin") == digest
    tiny.replace("helper.py", "return 1", "return 3")
    assert tiny.code().module("plugin") != digest
    assert tiny.code().module("gone") == ""


def test_editable_installs_are_first_party(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site-packages"
    (tmp_path / "lib" / "mylib").mkdir(parents=True)
    (tmp_path / "mapped" / "other").mkdir(parents=True)
    site.mkdir()
    (site / "mylib.pth").write_text(f"{tmp_path / 'lib'}\n")
    (site / "other.pth").write_text("import __editable___other_1_finder; __editable___other_1_finder.install()\n")
    mapping = {"other": str(tmp_path / "mapped" / "other")}
    (site / "__editable___other_1_finder.py").write_text(f"MAPPING: dict[str, str] = {mapping!r}\n")
    (tmp_path / "lib" / "mylib" / "__init__.py").write_text("def f(x): return 1\n")
    (tmp_path / "mapped" / "other" / "__init__.py").write_text("def g(x): return 1\n")
    monkeypatch.syspath_prepend(str(site))
    tiny.write(step_of("return f(g(x))", "from mylib import f\nfrom other import g"))
    before = tiny.step()
    assert before.imports == frozenset()
    assert str(tmp_path / "lib/mylib/__init__.py") in before.files
    (tmp_path / "mapped" / "other" / "__init__.py").write_text("def g(x): return 2\n")
    assert tiny.step().digest != before.digest


def test_a_closure_is_the_same_whatever_the_order_of_sets(tiny: Tiny) -> None:
    modules = {f"pkg/m{i}.py": f"R.append({i})\nX = [{i}]\n".replace("R", f"pkg.m{(i + 1) % 5}.X") for i in range(5)}
    modules = {
        name: "import pkg\nimport pkg.m0, pkg.m1, pkg.m2, pkg.m3, pkg.m4\n" + text for name, text in modules.items()
    }
    tiny.write(
        {**modules, "pkg/__init__.py": "", **step_of("return getattr(pkg, chr(x)), vars(pkg.m3)", "import pkg.m3")}
    )
    script = (
        "import json, sys; from pathlib import Path; from tiphys.workflows.project import find_project\n"
        "from tiphys.workflows.closure import CodeBase\n"
        f"code = CodeBase(find_project(Path({str(tiny.folder / 'main.py')!r})), None)\n"
        "print(json.dumps(code.step('main', 'go').to_json()))\n"
    )
    outs = {
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outs) == 1
    assert len(json.loads(outs.pop())["units"]) > 10


# What is refused --------------------------------------------------------------------------------------------------
def refusal(run: Callable[[], object]) -> InputError:
    with pytest.raises(InputError) as caught:
        run()
    assert caught.value.fix
    return caught.value


def test_a_step_without_a_module_level_name(tiny: Tiny) -> None:
    tiny.write(
        {"main.py": f"{HEAD}def make(n):\n    @step\n    def inner(x: int) -> int: return x + n\n    return inner\n"}
    )
    assert str(refusal(lambda: tiny.step("inner"))) == (
        "step 'inner' has no module-level name (made in make, main.py:4), so its captured values are not in the key"
    )


def test_a_module_outside_the_project(tiny: Tiny) -> None:
    tiny.write(step_of("return x"))
    assert "module 'numpy' of step 'go' is not in the project" in str(refusal(lambda: tiny.step(module="numpy")))


@pytest.mark.parametrize("name", ["main.py", "helper.py"])
def test_a_file_that_does_not_parse(tiny: Tiny, name: str) -> None:
    tiny.write({**step_of("return helper.f(x)", "import helper"), "helper.py": "def f(x): return 1\n"})
    tiny.write({name: (tiny.folder / name).read_text() + "def (\n"})
    line = (tiny.folder / name).read_text().count("\n")
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert str(refusal(tiny.step)).startswith(f"cannot parse {name}:{line} with Python {minor}: ")


@pytest.mark.parametrize(
    "body",
    [
        "exec(requests.get('u').text)",
        "text = requests.get('u').text\n    code = compile(text, 'a', 'exec')\n    exec(code, {})",
        "return eval(input())",
        "return eval(sys.stdin.read())",
    ],
)
def test_a_text_from_outside(tiny: Tiny, body: str) -> None:
    tiny.write(step_of(body, "import requests, sys"))
    assert "executes a text from outside the project" in str(refusal(tiny.step))
    closure = tiny.code().step("main", "go", strict=False)
    assert any("executes a text from outside the project" in note for note in closure.notes)


def test_a_text_from_a_file_is_observed(tiny: Tiny) -> None:
    tiny.write(step_of("exec(open('a.py').read(), {})"))
    assert tiny.step().paths == ("a.py",)


def test_a_module_that_is_there_twice(tiny: Tiny) -> None:
    tiny.write({**step_of("return f(x)", "from tool import f"), "tool.py": "", "src/tool.py": ""})
    assert str(refusal(tiny.step)) == "module 'tool' is found twice in the project: tool.py and src/tool.py"
