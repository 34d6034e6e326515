"""The loop of a run on one machine: observe (what is ready, what ended), decide, act, record.

What is ready and what must be skipped is `progress`; hit or run is `decide`; what fits the machine is `fit`. Here are
only the loop and its bookkeeping: hits cascade first and start nothing, then workers are started while they fit.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, replace

from tiphys.cluster.errors import InputError
from tiphys.cluster.store.records import Json, RunRecord, StepRecord
from tiphys.workflows.decide import Check, Hit
from tiphys.workflows.decider import Decided, Decider
from tiphys.workflows.graph import Graph
from tiphys.workflows.run.admission import Admission, Admitted
from tiphys.workflows.run.attempts import Attempt, Attempts, Ended
from tiphys.workflows.run.events import (
    Listener,
    LogLine,
    RunEnded,
    StepEnded,
    StepRetrying,
    StepsKnown,
    StepStarted,
    Warned,
)
from tiphys.workflows.run.interrupts import Interrupts
from tiphys.workflows.run.progress import Absent, Instance, Progress, Skip, Start, Status, label
from tiphys.workflows.workspace import Workspace

_STATUS: dict[str, Status] = {
    "hit": "ok",
    "succeeded": "ok",
    "failed": "failed",
    "cancelled": "cancelled",
}


@dataclass(slots=True)
class Waiting:
    """An instance that must run: its decision and arguments, and when it may start (after a failed attempt: later)."""

    instance: Instance
    arguments: dict[str, Json]
    decided: Decided
    attempt: int = 1
    not_before: float = 0.0
    first_started: float | None = None


class Engine:
    """One run. `execute` returns the state it ended in and leaves a record of every instance in the store."""

    def __init__(
        self,
        workspace: Workspace,
        graph: Graph,
        run: RunRecord,
        decider: Decider,
        listen: Listener,
        *,
        interrupts: Interrupts,
        must_hit: frozenset[str] = frozenset(),
    ) -> None:
        self._workspace = workspace
        self._graph = graph
        self._run = run
        self._decider = decider
        self._listen = listen
        self._interrupts = interrupts
        self._must_hit = must_hit  # addresses that `--only` does not name: they may be served, not run
        self.progress = Progress(graph)
        self.records: dict[str, StepRecord] = {}
        self.failures: set[str] = set()  # kinds of the failures: user, input, contract, timeout, lost
        self._waiting: dict[str, deque[Waiting]] = {}  # by call, so that a wide fan-out is not gone through at each end
        self._delayed: list[Waiting] = []
        self._running: dict[Instance, Waiting] = {}
        self._admission = Admission(graph, workspace.config)
        self._attempts: Attempts | None = None  # no process is started before something must run
        self._unwritten: list[StepRecord] = []
        self._reported = 0
        self._told = self.progress.instances  # what the start of the run tells
        self._stop_reason = ""

    # The loop ------------------------------------------------------------------------------------------------------
    def decide_hits(self) -> None:
        """Everything that is ready now: hits end at once and make more ready; the rest queues up."""
        progress = self.progress
        while progress.ready:
            self._decide(progress.ready.popleft())
        self._record_closed()

    def execute(self) -> None:
        """Run until nothing is open, or until `stop` was called and the workers have ended."""
        try:
            while self._open():
                self.decide_hits()
                self._tell_known()
                self._tell_reports()
                self._start_what_fits()
                if self._running or self._delayed:
                    self._wait()
                self._heed_interrupts()
            self._flush()
        finally:
            if self._attempts is not None:
                self._attempts.close()

    def stop(self, reason: str) -> None:
        """Start nothing more and end what runs: a person or the system asks to stop."""
        self._stop_reason = reason
        for waiting in [*(w for queue in self._waiting.values() for w in queue), *self._delayed]:
            self._end(waiting, "cancelled", reason)
        self._waiting.clear()
        self._delayed.clear()
        for instance in self._running:
            self._workers.stop(instance)

    def _heed_interrupts(self) -> None:
        """The first one asks what runs to end, the second one kills it."""
        signal = self._interrupts.received
        if signal is None:
            return
        if not self._stop_reason:
            self.stop(f"interrupted by {signal.name}")
            if self._running:
                names = ", ".join(label(*instance) for instance in list(self._running)[:3])
                more = f" and {len(self._running) - 3} more" if len(self._running) > 3 else ""
                self._listen(Warned(f"{signal.name}: asked {names}{more} to end; once more kills at once"))
        elif self._interrupts.count > 1:
            for instance in self._running:
                self._workers.stop(instance, at_once=True)

    def result(self) -> Json:
        """The encoded result of the pipeline, None when it has none (or not all of it came to be)."""
        try:
            return self.progress.result()
        except Absent:
            return None

    def ended(self, run: RunRecord, seconds: float) -> RunEnded:
        """The closing event."""
        counts: Counter[str] = Counter(record.state for record in self.records.values())
        saved = sum(record.saved_seconds for record in self.records.values())
        return RunEnded(run, dict(counts), seconds, saved, self.result())

    def _open(self) -> bool:
        return bool(self._running or self._waiting or self._delayed or self.progress.ready)

    # Decide --------------------------------------------------------------------------------------------------------
    def _decide(self, instance: Instance) -> None:
        if self._stop_reason:
            self._finish(instance, StepRecord(label(*instance), "cancelled", self._stop_reason))
            return
        resolved = self.progress.resolve(instance)
        if isinstance(resolved, Skip):
            self._finish(instance, StepRecord(label(*instance), "skipped", resolved.reason), resolved.status)
            return
        assert isinstance(resolved, Start)  # nothing is unsure in a run
        try:
            decided = self._decider.decide(instance, resolved.arguments)
        except InputError as error:  # no key can be made: its code or its environment is not as it must be
            self._refuse(instance, error)
            return
        if isinstance(decided.decision, Hit):
            self._finish(instance, _hit_record(instance, decided))
        elif refusal := self._refusal(instance, decided):
            self._refuse(instance, refusal, decided.key)
        else:
            waiting = Waiting(instance, dict(resolved.arguments), decided)
            self._waiting.setdefault(instance[0], deque()).append(waiting)

    def _refusal(self, instance: Instance, decided: Decided) -> InputError | None:
        """Why the instance may not run at all here, however long it waits."""
        address = instance[0]
        if address in self._must_hit:
            text = f"{label(*instance)} is not in the cache ({decided.decision.reason}), and --only runs nothing else"
            return InputError(text, fix="use --until, which runs what is needed")
        try:
            self._admission.require_possible(address)
            self._decider.require_startable(address)
        except InputError as error:
            return error
        return None

    def _refuse(self, instance: Instance, refusal: InputError, key: str | None = None) -> None:
        self.failures.add("input")
        error = f"{refusal.message}\nfix: {refusal.fix}"
        self._finish(instance, StepRecord(label(*instance), "failed", refusal.message, key=key, error=error))

    # Act -----------------------------------------------------------------------------------------------------------
    @property
    def _workers(self) -> Attempts:
        if self._attempts is None:
            self._attempts = Attempts(self._workspace, self._graph, self._run)
        return self._attempts

    def _start_what_fits(self) -> None:
        """Start waiting instances, call by call in order, past calls that do not fit now."""
        self._requeue_due()
        for address in list(self._waiting):
            if not self._start_call(address):
                return

    def _start_call(self, address: str) -> bool:
        """Start what fits of one call; False when nothing after it may start before it."""
        queue = self._waiting[address]
        while queue:
            stopped = self.progress.doomed(queue[0].instance)
            if stopped:
                self._end(queue.popleft(), "skipped", stopped)
                continue
            admitted = self._admission.admit(queue[0].instance)
            if not admitted.start:
                return not admitted.blocks
            self._start(queue.popleft(), admitted)
        del self._waiting[address]
        return True

    def _requeue_due(self) -> None:
        """Failed attempts whose delay is over come first."""
        now = time.time()
        for waiting in [w for w in self._delayed if w.not_before <= now]:
            self._delayed.remove(waiting)
            self._waiting.setdefault(waiting.instance[0], deque()).appendleft(waiting)

    def _start(self, waiting: Waiting, admitted: Admitted) -> None:
        info = self._decider.info(waiting.instance[0])
        if admitted.warning:
            self._listen(Warned(f"{label(*waiting.instance)}: {admitted.warning}"))
        self._running[waiting.instance] = waiting
        drift = self._decider.drift.get(waiting.instance[0], "")
        attempt = Attempt(
            instance=waiting.instance,
            info=info,
            arguments=waiting.arguments,
            decided=waiting.decided,
            number=waiting.attempt,
            request=admitted.request,
            gpus=admitted.gpus,
            drift=drift,
        )
        pid = self._workers.start(attempt)
        now = time.time()
        waiting.first_started = waiting.first_started or now
        reason = waiting.decided.decision.reason
        self._listen(StepStarted(label(*waiting.instance), waiting.attempt, reason, pid, now))

    def _wait(self) -> None:
        """Until a worker says something or ends, or a delayed attempt is due."""
        self._flush()
        due = min((w.not_before for w in self._delayed), default=None)
        timeout = None if due is None else max(0.0, due - time.time())
        for instance, lines in self._workers.wait(timeout, self._interrupts):
            if isinstance(lines, Ended):
                self._ended(instance, lines)
            else:
                for line in lines:
                    self._listen(LogLine(label(*instance), line))

    def _ended(self, instance: Instance, ended: Ended) -> None:
        waiting = self._running.pop(instance)
        self._admission.release(instance)
        if ended.state == "succeeded":
            self._succeeded(waiting, ended)
        elif self._stop_reason:
            self._end(waiting, "cancelled", self._stop_reason)
        elif self.progress.doomed(instance):
            self._end(waiting, "cancelled", self.progress.doomed(instance))
        elif ended.retryable and waiting.attempt <= self._decider.info(instance[0]).settings.retries:
            self._retry(waiting, ended)
        else:
            self.failures.add(ended.kind)
            self._end(waiting, "failed", ended.reason, ended.error)
            self._stop_doomed()

    def _succeeded(self, waiting: Waiting, ended: Ended) -> None:
        reason = waiting.decided.decision.reason
        if isinstance(waiting.decided.decision, Check):
            reason = waiting.decided.decision.after(ended.outputs) or reason
        record = self._record(waiting, "succeeded", reason)
        self._finish(waiting.instance, replace(record, entry=ended.entry, outputs=ended.outputs))

    def _retry(self, waiting: Waiting, ended: Ended) -> None:
        settings = self._decider.info(waiting.instance[0]).settings
        delay = settings.retry_delay_seconds * 2 ** (waiting.attempt - 1)
        self._listen(StepRetrying(label(*waiting.instance), waiting.attempt, ended.error, delay))
        self._delayed.append(replace(waiting, attempt=waiting.attempt + 1, not_before=time.time() + delay))

    def _stop_doomed(self) -> None:
        for instance in self._running:
            if self.progress.doomed(instance):
                self._workers.stop(instance)

    # Record --------------------------------------------------------------------------------------------------------
    def _end(self, waiting: Waiting, state: str, reason: str, error: str | None = None) -> None:
        record = replace(self._record(waiting, state, reason), error=error)
        if state == "failed":
            record = replace(record, components=self._workers.components(waiting.instance))
        status: Status = "skipped_upstream" if state == "skipped" else _STATUS[state]
        self._finish(waiting.instance, record, status)

    def _record(self, waiting: Waiting, state: str, reason: str) -> StepRecord:
        return StepRecord(
            address=label(*waiting.instance),
            state=state,  # type: ignore[arg-type]
            reason=reason,
            key=waiting.decided.key,
            started=waiting.first_started,
            ended=time.time(),
            attempts=waiting.attempt if waiting.first_started else 0,
        )

    def _finish(self, instance: Instance, record: StepRecord, status: Status | None = None) -> None:
        self.records[record.address] = record
        self._unwritten.append(record)
        self._listen(StepEnded(record))
        self.progress.finish(instance, status or _STATUS[record.state], record.outputs)

    def _record_closed(self) -> None:
        for closed in self.progress.closed:
            record = StepRecord(label(closed.address, closed.indices), "skipped", closed.reason)
            self.records[record.address] = record
            self._unwritten.append(record)
            self._listen(StepEnded(record))
        self.progress.closed.clear()

    def _tell_reports(self) -> None:
        """Corrupt files that the store moved aside meanwhile."""
        reports = self._workspace.store.reports
        for report in reports[self._reported :]:
            self._listen(Warned(report))
        self._reported = len(reports)

    def _flush(self) -> None:
        """Write what is new: one file for many hits; the records of ended workers singly, as they end."""
        if self._unwritten:
            self._workspace.store.record_steps(self._run.id, self._unwritten)
            self._unwritten = []

    def _tell_known(self) -> None:
        if self.progress.instances > self._told:
            self._listen(StepsKnown("", self.progress.instances - self._told, dict(self.progress.known)))
            self._told = self.progress.instances


def _hit_record(instance: Instance, decided: Decided) -> StepRecord:
    assert isinstance(decided.decision, Hit)
    entry = decided.decision.entry
    return StepRecord(
        address=label(*instance),
        state="hit",
        reason=decided.decision.reason,
        key=decided.key,
        entry=entry.digest,
        outputs=entry.outputs,
        saved_seconds=entry.seconds,
    )
