"""Container steps."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tiphys.cluster.errors import InputError
from tiphys.workflows.graph import Literal, Output

Module = Callable[..., Any]

IMAGE = "registry.example/convert@sha256:" + "a" * 64


def test_a_container_is_a_step(module: Module) -> None:
    user = module(f"""
        class Raw(File): ...
        class Clean(File): ...
        @dataclass
        class Both:
            good: Clean
            bad: Clean
        @step
        def ingest() -> Raw: ...
        convert = container("convert", image="{IMAGE}", outputs=Clean, memory="1Gi", retries=1,
                            command=["convert", "--level={{level}}", "{{raw}}", "{{output}}"])
        divide = container("divide", image="{IMAGE}", outputs=Both,
                           command=["divide", "{{raw}}", "{{output.good}}", "{{output.bad}}", "{{{{x}}}}"])
        ping = container("ping", image="{IMAGE}", command=["ping"])
        @step
        def use(clean: Clean) -> int: ...
        @pipeline
        def p() -> int:
            clean = convert(level=3, raw=ingest())
            ping.after(clean)()
            use(divide(raw=ingest()).good)
            return use(clean)
    """)
    graph = user.p.build({})
    calls = {c.address: c for c in graph.calls}
    assert calls["convert"].arguments == {"level": Literal(3), "raw": Output("ingest")}
    assert calls["ping"].after == ("convert",)
    assert calls["use"].arguments == {"clean": Output("divide", ("good",))}
    info = graph.steps[f"{user.__name__}:convert"]
    assert info.container == {
        "image": IMAGE,
        "command": ["convert", "--level={level}", "{raw}", "{output}"],
        "outputs": {"output": "Clean"},
    }
    assert (info.settings.memory_bytes, info.settings.retries, info.result) == (2**30, 1, "Clean")
    assert (info.file, info.line) == (f"{user.__name__}.py", 16)
    assert graph.steps[f"{user.__name__}:divide"].container["outputs"] == {
        "output.good": "Clean",
        "output.bad": "Clean",
    }
    with pytest.raises(InputError, match="the container 'convert' runs on a cluster"):
        user.convert(level=3, raw=1)


REFUSED = {
    'container("c", image="python:3.11", command=["x"])': "the image 'python:3.11' has no digest",
    'container("c d", image=I, command=["x"])': "container 'c d': not a name",
    'container("class", image=I, command=["x"])': "container 'class': not a name",
    'container("c", image=I, command="x")': "command='x' is not a list of words",
    'container("c", image=I, command=[])': "command=[] is not a list of words",
    'container("c", image=I, command=["{a"])': "'{a': ",
    'container("c", image=I, command=["{0}"])': "'{0}' has {0}",
    'container("c", image=I, command=["{a:>5}"])': "'{a:>5}' has {a>5}",
    'container("c", image=I, command=["{a.b}"])': "'{a.b}' has {a.b}",
    'container("c", image=I, command=["{class}"])': "'{class}' has {class}",
    'container("c", image=I, command=["x"], outputs=File)': "{output} is in outputs and not in the command",
    'container("c", image=I, command=["{output}"])': "{output} is in the command and not in outputs",
    'container("c", image=I, command=["{output}"], outputs=int)': "outputs=int is neither an artifact nor a dataclass",
    'container("c", image=I, command=["x"], cpus=1)': "@step has no setting 'cpus'",
}


@pytest.mark.parametrize("text", REFUSED)
def test_wrong_containers_are_refused(module: Module, text: str) -> None:
    with pytest.raises(InputError, match=re.escape(REFUSED[text])) as caught:
        module(f'I = "{IMAGE}"\nc = {text}\n')
    assert re.match(r"user_module_\d+\.py:9: container", caught.value.message)
    assert caught.value.fix
