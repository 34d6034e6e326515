"""Fills a store with the entries of a pipeline by calling its steps in this process, to measure plans of many hits."""

from __future__ import annotations

import importlib
import socket
import sys
from pathlib import Path

from tiphys.cluster.store.records import Entry, Observed, Writer
from tiphys.workflows.cache_key import components
from tiphys.workflows.decide import Hit
from tiphys.workflows.decider import Decider, Wishes
from tiphys.workflows.graphs import graph_of, pipeline_name
from tiphys.workflows.run.progress import Progress, Start, label
from tiphys.workflows.workspace import Workspace


def fill_by_calling(file: Path, parameters: dict[str, str]) -> int:
    """Write an entry for every step (steps of plain numbers only); how many were written."""
    workspace = Workspace(file, {})
    built = graph_of(workspace, workspace.file, pipeline_name(workspace, workspace.file, None), parameters, {})
    sys.path.insert(0, str(file.parent))
    module = (
        importlib.reload(importlib.import_module(file.stem))
        if file.stem in sys.modules
        else importlib.import_module(file.stem)
    )
    progress = Progress(built.graph)
    decider = Decider(workspace, built.graph, Wishes(workspace.now))
    written = 0
    while progress.ready:
        instance = progress.ready.popleft()
        start = progress.resolve(instance)
        assert isinstance(start, Start)
        decided = decider.decide(instance, start.arguments)
        assert not isinstance(decided.decision, Hit)
        info = decider.info(instance[0])
        outputs = getattr(module, info.name).function(**start.arguments)
        facts = workspace.keys.facts(info)
        writer = Writer(
            "bench", label(*instance), built.graph.pipeline, workspace.config.scope, "local", socket.gethostname()
        )
        parts = components(facts.static, start.arguments, decided.reads)
        workspace.store.publish(Entry(decided.key, outputs, (), Observed(), parts, workspace.now, 0.1, writer))
        progress.finish(instance, "ok", outputs)
        written += 1
    sys.path.remove(str(file.parent))
    return written
