"""Decides one instance: makes its key, looks its entries up, asks the pure decision. For `plan` and the engine."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tiphys.cluster.errors import InputError
from tiphys.cluster.store.records import Entry, Json
from tiphys.workflows.cache_key import components
from tiphys.workflows.decide import Check, Hit, Run, Wish, decide
from tiphys.workflows.graph import Graph, StepInfo
from tiphys.workflows.graph_select import Address, parse_address
from tiphys.workflows.run.progress import Instance, label
from tiphys.workflows.why import miss_sentence
from tiphys.workflows.workspace import Workspace

_HISTORY = 32


@dataclass(frozen=True, slots=True)
class Wishes:
    """What holds for a whole run or plan. `now`: the frozen time, seconds since the epoch."""

    now: float
    force: tuple[str, ...] = ()
    cache: bool = True
    parents: tuple[str, ...] = ()
    allow_drift: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision for one instance, with its key and the reads that entered it."""

    key: str
    reads: Mapping[str, str | None]
    decision: Hit | Run | Check


class Decider:
    """Decisions of one run or plan."""

    def __init__(self, workspace: Workspace, graph: Graph, wishes: Wishes) -> None:
        self._workspace = workspace
        self._graph = graph
        self._steps = {call.address: graph.steps[call.step] for call in graph.calls}
        self._forced = [parse_address(text, graph, option="--force") for text in wishes.force]
        self._wish = Wish(
            wishes.now, cache=wishes.cache, parents=wishes.parents, host=socket.gethostname(), clock=workspace.now
        )
        self._explained: dict[str, str] = {}
        self._allow_drift = wishes.allow_drift
        self.drift: dict[str, str] = {}  # what `--allow-drift` let pass, by address: recorded with the entries

    @property
    def pipeline(self) -> str:
        """Module and name of the pipeline, by which the history is kept."""
        return self._graph.pipeline

    def info(self, address: str) -> StepInfo:
        """The step of a call."""
        return self._steps[address]

    def require_startable(self, address: str) -> None:
        """`InputError` when a secret is not set, or this interpreter is not what the lock of the environment says."""
        info = self._steps[address]
        missing = sorted(set(info.settings.secrets) - os.environ.keys())
        if missing:
            raise InputError(
                f"{info.file}:{info.line}: step {info.name!r} declares secrets that are not set: {', '.join(missing)}",
                fix=f"set them where you run, e.g. `export {missing[0]}=…`, or remove them from secrets=[…]",
            )
        versions = self._workspace.keys.facts(info).static.environment
        name = info.settings.environment
        said = self._workspace.environments.refuse_drift(name, versions, allow=self._allow_drift)
        if said:
            self.drift[address] = said

    def decide(self, instance: Instance, arguments: Mapping[str, Json]) -> Decided:
        """Hit, run or check, for an instance whose encoded arguments are known."""
        address, indices = instance
        info = self._steps[address]
        key, reads = self._workspace.keys.key(info, arguments)
        forced = bool(self._forced) and any(_meant(wanted, address, indices) for wanted in self._forced)
        candidates = () if forced else self._workspace.lookup.candidates(key, self._versions(info))
        decision = decide(info.settings, candidates, replace(self._wish, forced=forced))
        if isinstance(decision, Run) and decision.missing:
            decision = Run(self._explain(instance, arguments, reads), missing=True)
        return Decided(key, reads, decision)

    def _versions(self, info: StepInfo) -> Mapping[str, str]:
        return self._workspace.environments.environment(info.settings.environment).versions

    def _explain(self, instance: Instance, arguments: Mapping[str, Json], reads: Mapping[str, str | None]) -> str:
        """Against the newest entry of the same instance, else of any item. Once a call: its items differ little."""
        address, indices = instance
        if indices and address in self._explained:
            return self._explained[address]
        shown = label(address, indices)
        base = self._base(shown)
        facts = self._workspace.keys.facts(self._steps[address])
        now = components(facts.static, arguments, reads)
        text = miss_sentence(self._workspace.store, base, now, facts.closure.units, self._workspace.root, shown)
        if base is not None and text.startswith("reads changed: "):  # of a folder: which file in it, as far as seen
            seen = self._workspace.lookup.changed(base.observed)
            text += f" ({seen})" if seen else ""
        self._explained[address] = text
        return text

    def _base(self, address: str) -> Entry | None:
        """The newest entry of our scope that this very instance wrote; else that any item of the call wrote."""
        history = self._workspace.store.history(self._graph.pipeline, address, limit=_HISTORY)
        ours = [entry for entry in history if entry.writer.scope == self._workspace.config.scope]
        same = [entry for entry in ours if entry.writer.address == address]
        return next(iter(same or ours), None)


def _meant(wanted: Address, address: str, indices: tuple[int, ...]) -> bool:
    return wanted.call == address and indices[: len(wanted.indices)] == wanted.indices
