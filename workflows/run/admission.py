"""May this instance start now? Limits of `parallel` first, then what the machine has (`fit`)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from tiphys.cluster.errors import InputError
from tiphys.cluster.machine import Machine, read_machine
from tiphys.workflows.fit import Request, StartAlone, Wait, check_request, fits, request_for
from tiphys.workflows.graph import Graph
from tiphys.workflows.run.progress import Instance
from tiphys.workflows.settings import Config


@dataclass(frozen=True, slots=True)
class Admitted:
    """`start` False: not now. `gpus`: the devices that it has to itself.

    `warning`: said once, when a step runs alone since it asks for more than there is. `blocks`: it waits to run alone,
    so that nothing after it may start before it, or it would wait for ever.
    """

    start: bool
    request: Request
    gpus: tuple[str, ...] = ()
    warning: str = ""
    blocks: bool = False


class Admission:
    """Who runs now, against the limits of the graph, the settings and the machine."""

    def __init__(self, graph: Graph, config: Config) -> None:
        self._graph = graph
        self._config = config
        self._machine = read_machine()
        self._limit = min((n for n in (graph.parallel, config.parallel) if n), default=None)
        self._steps = {call.address: call.step for call in graph.calls}
        self._scopes = {call.address: call.scopes for call in graph.calls}
        self._running: dict[Instance, Request] = {}
        self._free_gpus = visible_gpus(self._machine, os.environ)
        self._gpus: dict[Instance, tuple[str, ...]] = {}
        self._by_scope: Counter[str] = Counter()
        self._requests: dict[str, Request] = {}

    def require_possible(self, address: str) -> None:
        """`InputError` when the call asks for what this machine can never give (GPUs; with `strict`, anything)."""
        try:
            check_request(self._request(address), self._machine, strict=self._config.strict_resources)
        except InputError as error:
            raise InputError(f"{address} cannot run here: {error.message}", fix=error.fix) from None

    def admit(self, instance: Instance) -> Admitted:
        """Take the place of the instance if there is one."""
        address = instance[0]
        request = self._request(address)
        if not self._within_limits(address):
            return Admitted(False, request)
        decision = fits(self._running.values(), request, self._machine)
        if isinstance(decision, Wait):
            return Admitted(False, request, blocks=bool(check_request(request, self._machine)))
        self._running[instance] = request
        self._by_scope.update(self._scopes[address])
        gpus, self._free_gpus = self._free_gpus[: request.gpu], self._free_gpus[request.gpu :]
        self._gpus[instance] = gpus
        return Admitted(True, request, gpus, decision.reason if isinstance(decision, StartAlone) else "")

    def release(self, instance: Instance) -> None:
        """The instance has ended."""
        del self._running[instance]
        self._free_gpus += self._gpus.pop(instance)
        self._by_scope.subtract(self._scopes[instance[0]])

    def _request(self, address: str) -> Request:
        if address not in self._requests:
            settings = self._graph.steps[self._steps[address]].settings
            self._requests[address] = request_for(settings, self._config.profile, self._config)
        return self._requests[address]

    def _within_limits(self, address: str) -> bool:
        if self._limit is not None and len(self._running) >= self._limit:
            return False
        for scope in self._scopes[address]:
            most = self._graph.scopes[scope].parallel
            if most is not None and self._by_scope[scope] >= most:
                return False
        return True


def visible_gpus(machine: Machine, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The devices that may be given away, as `CUDA_VISIBLE_DEVICES` names them."""
    named = environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return tuple(name for name in named.split(",") if name)
    return tuple(str(index) for index in range(machine.gpus))
