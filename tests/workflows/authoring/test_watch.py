"""What a pipeline may not ask while it is built, and what it reads."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tiphys.cluster.errors import InputError

from .conftest import HEADER_LINES

Module = Callable[..., Any]


OUTSIDE = {
    "import time; time.time()": "the clock (time.time)",
    "from time import monotonic as m; m()": "the clock (time.monotonic)",
    "datetime.now()": "the clock (datetime.now)",
    "date.today()": "the clock (date.today)",
    "now = datetime.utcnow; now()": "the clock (datetime.utcnow)",
    "import random; random.random()": "randomness (random.random)",
    "import random; random.choice([1, 2])": "randomness (random.getrandbits)",
    "import random; random.Random()": "a random generator without a seed",
    "import uuid; uuid.uuid4()": "randomness (urandom)",
    "import secrets; secrets.token_hex()": "randomness (urandom)",
    "import os; os.urandom(4)": "randomness (urandom)",
    "import socket; socket.create_connection(('127.0.0.1', 9))": "the network",
    "import subprocess; subprocess.run(['true'])": "a subprocess",
    "import os; os.system('true')": "a subprocess",
    "helper()": "the clock (time.time)",
}


@pytest.mark.parametrize("body", OUTSIDE)
def test_clock_randomness_and_network_are_refused_with_the_line(module: Module, body: str) -> None:
    user = module(f"import time\ndef helper():\n    return time.time()\n@pipeline\ndef p() -> None:\n    {body}\n")
    with pytest.raises(InputError) as caught:
        user.p.build({})
    assert f".py:{HEADER_LINES + 6}: {OUTSIDE[body]} is used while the pipeline is built" in caught.value.message


def test_a_refusal_that_the_pipeline_catches_is_raised_all_the_same(module: Module) -> None:
    user = module("""
        @pipeline
        def p() -> None:
            try:
                datetime.now()
            except Exception:
                pass
    """)
    with pytest.raises(InputError, match=r"datetime\.now"):
        user.p.build({})


def test_what_is_the_same_each_time_is_allowed(module: Module) -> None:
    module("""
        import logging, random, uuid
        @pipeline
        def p() -> None:
            random.Random(7).shuffle([1, 2, 3])
            datetime(2013, 1, 1).strftime("%Y")
            uuid.uuid5(uuid.NAMESPACE_DNS, "x")
            logging.getLogger("p").warning("building")
            import xmlrpc.client
    """).p.build({})


def test_reads_while_building_are_noted(module: Module, tmp_path: Path) -> None:
    (tmp_path / "cities.txt").write_text("a\nb\n")
    (tmp_path / "there.txt").touch()
    (tmp_path / "data").mkdir()
    real_stat = os.stat
    user = module("""
        @step
        def use(x: str) -> int: ...
        @pipeline
        def p() -> None:
            cities = Path("cities.txt").read_text().split()
            each(cities, use)
            try:
                open("extra.txt")
            except FileNotFoundError:
                pass
            open("out.txt", "w").close()
            assert not list(Path("data").iterdir())
            assert not Path("later.txt").exists()
            assert Path("there.txt").is_file() and Path("data").is_dir()
    """)
    built = user.p.build_observed({})
    names = ("cities.txt", "extra.txt", "later.txt", "there.txt")
    assert built.reads == tuple(str(tmp_path / name) for name in names)
    assert os.stat is real_stat
    assert built.folders == (str(tmp_path / "data"),)
