"""`tiphys plan`: what a run would do now, and why, without starting anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from statistics import median

from tiphys.cluster.errors import InputError
from tiphys.cluster.store.records import Entry
from tiphys.workflows.api import RunOptions, Target
from tiphys.workflows.decide import Check, Hit, span
from tiphys.workflows.decider import Decider, Wishes
from tiphys.workflows.fit import Request, request_for
from tiphys.workflows.graph import Graph, StepInfo
from tiphys.workflows.graph_select import select
from tiphys.workflows.graphs import graph_of, pipeline_name
from tiphys.workflows.plan_model import Hours, Plan, PlannedStep, Verdict
from tiphys.workflows.run.admission import Admission
from tiphys.workflows.run.progress import Instance, Progress, Skip, Start, Unsure, label
from tiphys.workflows.workspace import Workspace

_RUNS = 5


def plan_target(target: Target, options: RunOptions) -> Plan:
    """The plan of a pipeline file with these parameters."""
    workspace = Workspace(target.file, options.flags)
    name = pipeline_name(workspace, workspace.file, target.pipeline)
    built = graph_of(workspace, workspace.file, name, target.parameters, target.encoded)
    graph = select(built.graph, until=options.until, only=options.only)
    wishes = Wishes(workspace.now, options.force, options.cache)
    return plan_graph(workspace, graph, wishes)


def plan_graph(workspace: Workspace, graph: Graph, wishes: Wishes) -> Plan:
    """The plan of a built graph: every instance in the order in which it becomes ready."""
    progress = Progress(graph)
    decider = Decider(workspace, graph, wishes)
    planner = _Planner(workspace, decider)
    steps: list[PlannedStep] = []
    while progress.ready:
        steps.append(planner.plan(progress, progress.ready.popleft()))
    for closed in progress.closed:
        info = decider.info(closed.address)
        verdict: Verdict = "MAYBE" if closed.status == "unknown" else "SKIP"
        hours = planner.hours(info, closed.address) if closed.status == "unknown" else None
        steps.append(PlannedStep(label(closed.address, closed.indices), info.name, verdict, closed.reason, None, hours))
    order = {call.address: i for i, call in enumerate(graph.calls)}
    steps.sort(key=lambda s: order[call_of(s.address)])
    counts: Counter[str] = Counter(step.verdict for step in steps)
    told = (note for call in graph.calls for note in planner.notes(decider.info(call.address)))
    notes = (*workspace.store.reports, *dict.fromkeys(told), *planner.refusals(graph, steps))
    return Plan(graph.pipeline, graph.parameters, workspace.config.profile, tuple(steps), notes, dict(counts))


class _Planner:
    """Turns decisions into planned steps; remembers durations and notes by step."""

    def __init__(self, workspace: Workspace, decider: Decider) -> None:
        self._workspace = workspace
        self._decider = decider
        self._hours: dict[str, Hours] = {}

    def plan(self, progress: Progress, instance: Instance) -> PlannedStep:
        """What would become of a ready instance; tells `progress`."""
        address, indices = instance
        info = self._decider.info(address)
        shown = label(address, indices)
        resolved = progress.resolve(instance)
        match resolved:
            case Skip(status, reason):
                progress.finish(instance, status)
                return PlannedStep(shown, info.name, "SKIP", reason)
            case Unsure(reason):
                progress.finish(instance, "unknown")
                verdict: Verdict = "CHECK" if info.settings.effect else "MAYBE"
                return PlannedStep(shown, info.name, verdict, reason, 1, self.hours(info, address))
            case Start(arguments):
                decision = self._decider.decide(instance, arguments).decision
        if isinstance(decision, Hit):
            progress.finish(instance, "ok", decision.entry.outputs)
            return _hit(shown, info, decision, self._workspace.config.profile)
        progress.finish(instance, "unknown")
        verdict = "CHECK" if isinstance(decision, Check) else "RUN"
        return PlannedStep(shown, info.name, verdict, decision.reason, 1, self.hours(info, address))

    def hours(self, info: StepInfo, address: str) -> Hours:
        """Request x median duration of the last runs of this step in this profile; unknown is said, never 0."""
        if address not in self._hours:
            profile = self._workspace.config.profile
            request = request_for(info.settings, profile, self._workspace.config)
            history = self._workspace.store.history(self._pipeline, address, limit=_RUNS * 4)
            self._hours[address] = hours_of(request, history, profile, info.settings.timeout_seconds)
        return self._hours[address]

    @property
    def _pipeline(self) -> str:
        return self._decider.pipeline

    def refusals(self, graph: Graph, steps: Iterable[PlannedStep]) -> tuple[str, ...]:
        """What `run` would say of steps that may run and cannot on this machine."""
        admission = Admission(graph, self._workspace.config)
        found: dict[str, None] = {}
        for address in dict.fromkeys(call_of(s.address) for s in steps if s.verdict in ("RUN", "MAYBE", "CHECK")):
            try:
                admission.require_possible(address)
                self._decider.require_startable(address)
            except InputError as error:
                found[f"run would refuse this: {error.message}"] = None
        return tuple(found)

    def notes(self, info: StepInfo) -> tuple[str, ...]:
        """What the closure and the environment of a step have to say."""
        return self._workspace.keys.facts(info).notes


def hours_of(request: Request, history: tuple[Entry, ...], profile: str, timeout_seconds: float | None) -> Hours:
    """Pure: hours from the newest entries that the same profile made."""
    seconds = [entry.seconds for entry in history if entry.writer.profile == profile][:_RUNS]
    if not seconds:
        limit = f"limit {span(timeout_seconds)}" if timeout_seconds else "no time-out"
        return Hours(None, None if request.gpu else 0.0, limit)
    hours = median(seconds) / 3600
    return Hours(request.cpu * hours, request.gpu * hours)


def _hit(shown: str, info: StepInfo, hit: Hit, profile: str) -> PlannedStep:
    """A hit; resources are no part of the key, so that one made under another profile is served, and said to be."""
    entry, reason = hit.entry, hit.reason
    if entry.writer.profile != profile:
        reason += f", under profile {entry.writer.profile}"
    writer = f"run {entry.writer.run}, scope {entry.writer.scope}"
    return PlannedStep(shown, info.name, "HIT", reason, 1, None, entry.digest, writer, entry.notes)


def call_of(address: str) -> str:
    """The call that an instance belongs to: `clean[3][2]` -> `clean`."""
    return address.split("[", 1)[0]
