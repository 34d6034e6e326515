"""Gets the graph of a pipeline: from the store when nothing that it depends on changed, else built in a clean process.

So an unchanged pipeline costs no import of the user's code. The process that builds imports that code as it is on
disk, whatever the caller has in memory; a Python face that was imported before an edit gets no stale graph.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from tiphys.cluster.errors import InputError, TiphysError
from tiphys.cluster.store.records import FOLDER_PRESENT, Entry, Json, ObjectRef, Observed, Writer
from tiphys.workflows.cache_key import graph_key
from tiphys.workflows.closure import CodeClosure
from tiphys.workflows.graph import Graph
from tiphys.workflows.workspace import Workspace


@dataclass(frozen=True, slots=True)
class BuiltGraph:
    """A graph with the object that holds its JSON, the closure of the pipeline function and how it was come by."""

    graph: Graph
    ref: ObjectRef
    closure: CodeClosure
    from_store: bool


def pipeline_name(workspace: Workspace, file: Path, name: str | None) -> str:
    """The pipeline of a file: `name`, or the only one there is. Else `InputError` with the list."""
    names = _names(workspace, file)
    if name is None and len(names) == 1:
        return names[0]
    if name is not None and name in names:
        return name
    shown = os.path.relpath(file)
    if not names:
        raise InputError(f"{shown} defines no pipeline", fix="decorate a function of it with @pipeline")
    listed = ", ".join(f"{shown}:{n}" for n in names)
    if name is None:
        raise InputError(f"{shown} defines {len(names)} pipelines", fix=f"name one: {listed}")
    raise InputError(f"{shown} has no pipeline {name!r}", fix=f"there is {listed}")


def _names(workspace: Workspace, file: Path) -> list[str]:
    """Names of the pipelines in a file, remembered by the digest of its bytes."""
    digest = blake3(file.read_bytes()).hexdigest()
    memo = workspace.cache / "pipelines" / f"{digest}.json"
    try:
        return list(json.loads(memo.read_text("utf-8")))
    except (OSError, ValueError):
        pass
    names: list[str] = _ask(workspace, {"do": "list", **_place(workspace, file)})["names"]
    if names:
        workspace.remember(memo, json.dumps(names))
    return names


def graph_of(
    workspace: Workspace, file: Path, name: str, texts: Mapping[str, str], encoded: Mapping[str, Json]
) -> BuiltGraph:
    """The graph of pipeline `name` in `file` with these parameters (text as typed, or encoded values)."""
    module = workspace.project.module_of(file)
    closure = workspace.code.pipeline(module, name)
    component = workspace.environments.component(None, closure.imports)
    parameters = {"texts": dict(texts), "encoded": dict(encoded)}
    settings = {"pipeline": f"{module}:{name}"}
    key = graph_key(f"{module}:{name}", closure.digest, component.python, component.versions, parameters, settings)
    for entry in workspace.store.entries(key):
        built = _from_entry(workspace, entry, closure)
        if built is not None:
            return built
    request = {"do": "build", "pipeline": name, "bundle": list(closure.files), **parameters, **_place(workspace, file)}
    answer = _ask(workspace, request)
    graph = Graph.from_json(answer["graph"])
    ref = workspace.store.put_bytes(json.dumps(answer["graph"], separators=(",", ":"), sort_keys=True).encode())
    workspace.store.publish(_entry(workspace, key, ref, answer, closure))
    return BuiltGraph(graph, ref, closure, from_store=False)


def _from_entry(workspace: Workspace, entry: Entry, closure: CodeClosure) -> BuiltGraph | None:
    """The graph of an entry whose reads and environment variables are as they were, or None."""
    env: Mapping[str, str | None] = entry.components["env"]
    if any(_hidden(os.environ.get(name)) != value for name, value in env.items()):
        return None
    if workspace.lookup.changed(entry.observed) or workspace.store.intact(entry.objects):
        return None
    (ref,) = entry.objects
    graph = Graph.from_json(json.loads(workspace.store.read_bytes(ref.digest)))
    return BuiltGraph(graph, ref, closure, from_store=True)


def _entry(workspace: Workspace, key: str, ref: ObjectRef, answer: Json, closure: CodeClosure) -> Entry:
    observed = Observed(
        files={path: workspace.lookup.file(path) for path in answer["reads"]},
        folders=dict.fromkeys(answer["present"], FOLDER_PRESENT)
        | {path: workspace.lookup.folder(path) for path in answer["folders"]},
        links=answer["links"],
    )
    return Entry(
        key=key,
        outputs={"graph": ref.digest},
        objects=(ref,),
        observed=observed,
        components={"code": closure.digest, "env": {name: _hidden(os.environ.get(name)) for name in answer["env"]}},
        created=workspace.now,
        seconds=answer["seconds"],
        writer=Writer("", "", answer["graph"]["pipeline"], workspace.config.scope, "", socket.gethostname()),
    )


def _hidden(value: str | None) -> str | None:
    return None if value is None else blake3(value.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _place(workspace: Workspace, file: Path) -> dict[str, Json]:
    return {
        "root": str(workspace.root),
        "search": [str(p) for p in workspace.project.search],
        "module": workspace.project.module_of(file),
        "file": str(file),
    }


def _ask(workspace: Workspace, request: Json) -> Json:
    """Answer of `tiphys.workflows.building` in a process of its own. What it prints goes to our standard error."""
    read_end, write_end = os.pipe()
    command = [sys.executable, "-P", "-m", "tiphys.workflows.building", str(write_end)]
    env = dict(os.environ) | {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    env.pop("PYTHONPATH", None)  # workers have none either: [tool.tiphys] path says it for both
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=2, pass_fds=(write_end,), env=env, cwd=workspace.root
    ) as process:
        os.close(write_end)
        assert process.stdin is not None
        process.stdin.write(json.dumps(request).encode())
        process.stdin.close()
        with os.fdopen(read_end, "rb") as answers:
            answer = answers.read()
        process.wait()
    if not answer:
        raise _silent(os.path.relpath(request["file"]), process.returncode)
    reply = json.loads(answer)
    if "error" in reply:
        raise _error(reply["error"])
    return reply


def _silent(file: str, code: int) -> TiphysError:
    """The process ended while it imported the user's module."""
    if code >= 0:
        return InputError(
            f"importing {file} ended the process with exit code {code}",
            fix=f"look for os._exit in what it imports; `python {file}` does the same",
        )
    name = signal.Signals(-code).name
    return TiphysError(
        f"importing {file} ended in {name}",
        fix=f"its last lines stand above; `python -X faulthandler {file}` says more",
    )


def _error(data: Json) -> TiphysError:
    kinds = {2: InputError}
    error = kinds.get(data["exit_code"], TiphysError)(data["message"], fix=data["fix"])
    error.add_note(f"In the process that builds the pipeline:\n{data['trace']}")  # shown by `--debug`
    return error
