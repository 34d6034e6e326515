"""`@pipeline`: a function that calls steps. Building it runs the function once and records the calls as a graph."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from tiphys.cluster.caller import at, user_line
from tiphys.cluster.errors import InputError, TiphysError
from tiphys.workflows.authoring.context import Building, building, main_refusal
from tiphys.workflows.authoring.parameters import bind_parameters as bind_parameters
from tiphys.workflows.authoring.parameters import complete_parameters
from tiphys.workflows.authoring.parameters import decode_parameters as decode_parameters
from tiphys.workflows.authoring.signature import Signature, checked_function, unwrapped
from tiphys.workflows.authoring.step import relative_file
from tiphys.workflows.graph import Binding, Graph, Literal
from tiphys.workflows.shapes import NOTHING, Shape, takes_none
from tiphys.workflows.values import encode

if TYPE_CHECKING:
    from tiphys.workflows.plan_model import Plan

P = ParamSpec("P")
R = TypeVar("R")

_STORE = "store"
_DEEPEST = 100  # pipelines that call each other; more is a call without end


@dataclass(frozen=True, slots=True)
class Built:
    """A graph, and what was read while it was built: files, folders listed, folders found to be there, links followed.

    All absolute paths; `links`: link -> where it pointed.
    """

    graph: Graph
    reads: tuple[str, ...]
    folders: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)


class Pipeline(Generic[P, R]):
    """A pipeline. `module`, `name` and `file` say where it is defined; `parallel` limits steps that run at once."""

    def __init__(self, function: Callable[P, R], signature: Signature, *, module: str, parallel: int | None) -> None:
        update_wrapper(self, function)
        self.function = function
        self.signature = signature
        self.module = module
        self.name = signature.name
        self.file = signature.file
        self.parallel = parallel
        self._read: set[frozenset[str]] = set()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Inside another pipeline: build the steps of this one into it. Anywhere else an `InputError`."""
        current = building()
        if current is None:
            raise InputError(
                f"{user_line()}: {self.name} is a pipeline: a call of it outside a pipeline runs nothing",
                fix=f"{self.name}.run(…) runs it, {self.name}.plan(…) says what would run",
            )
        arguments = self.signature.bind(args, kwargs)
        bound = {
            name: current.bind_argument(f"{self.name}: {name}", value, self.signature.shapes[name])
            for name, value in arguments.items()
        }
        self._check_text(frozenset(name for name, binding in bound.items() if not isinstance(binding, Literal)))
        before = current.inside_of
        if len(before) == _DEEPEST:
            raise InputError(
                f"{user_line()}: pipelines call each other without end: {' -> '.join((*before[:3], '…'))}",
                fix="a call builds the steps of the pipeline here and now: end it by a plain `if` on a parameter",
            )
        current.inside_of = (*before, self.name)
        try:
            return self.function(*args, **kwargs)
        finally:
            current.inside_of = before

    # One overload without and one with `store`: a `ParamSpec` cannot be extended by a keyword, so that the pipeline's
    # own parameters are checked by type checkers in the first only; both are checked when the pipeline is built.
    @overload
    def run(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def run(self, *args: Any, store: str | os.PathLike[str] | None, **kwargs: Any) -> R: ...
    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Run the pipeline on this machine and return its result. `store`: folder of the store, else the settings'.

        A failed step raises, with the output of the step in the message.
        """
        from tiphys.workflows.api import run_pipeline  # the engine is not needed to define a pipeline

        parameters, store = self._face_arguments(args, kwargs)
        return run_pipeline(self, parameters, store=store)

    @overload
    def plan(self, *args: P.args, **kwargs: P.kwargs) -> Plan: ...
    @overload
    def plan(self, *args: Any, store: str | os.PathLike[str] | None, **kwargs: Any) -> Plan: ...
    def plan(self, *args: Any, **kwargs: Any) -> Plan:
        """What `run` would do now, and why, without starting anything."""
        from tiphys.workflows.api import plan_pipeline  # as above

        parameters, store = self._face_arguments(args, kwargs)
        return plan_pipeline(self, parameters, store=store)

    def _face_arguments(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[dict[str, object], Path | None]:
        if building() is not None:
            raise InputError(
                f"{user_line()}: {self.name} is run while another pipeline is built",
                fix=f"call it instead: {self.name}(…) builds its steps into this pipeline",
            )
        if self.module == "__main__":
            raise main_refusal(f"the pipeline {self.name!r}", self.file)
        own = {name: value for name, value in kwargs.items() if name != _STORE}
        store = kwargs.get(_STORE)
        parameters = complete_parameters(self, self.signature.bind(args, own))
        return parameters, None if store is None else Path(store)

    def build(self, parameters: Mapping[str, object]) -> Graph:
        """The graph with these parameters. Runs the pipeline's function, none of its steps. `InputError` when wrong."""
        return self.build_observed(parameters).graph

    def build_observed(self, parameters: Mapping[str, object]) -> Built:
        """The graph, with what was read while it was built: a graph from the store is good while that is unchanged."""
        from tiphys.workflows.authoring.watch import Watch  # needed by who builds alone
        from tiphys.workflows.project import find_project

        if self.module == "__main__":
            raise main_refusal(f"the pipeline {self.name!r}", self.file)
        self._check_text(frozenset())
        values = complete_parameters(self, parameters)
        current = Building(find_project(Path(self.file)).root)
        current.inside_of = (self.name,)
        encoded = {
            name: encode(value, where=f"{self.name}: parameter {name!r}", root=current.root)
            for name, value in values.items()
        }
        watch = Watch(self.function.__code__)
        with current.active():
            with watch:
                result = self._call(values)
            current.returned = self.signature.where
            binding = self._bind_result(current, result)
        graph = Graph(
            pipeline=f"{self.module}:{self.name}",
            file=relative_file(self.file, current.root),
            parameters=encoded,
            steps=current.steps,
            scopes=current.scopes,
            calls=tuple(current.calls),
            result=binding,
            parallel=self.parallel,
        )
        return Built(graph, watch.reads(), watch.folders(), watch.present(), watch.links())

    def _call(self, values: Mapping[str, Any]) -> Any:
        """The pipeline's function; what goes wrong in the user's code is told with the user's line."""
        try:
            return self.function(**values)  # type: ignore[call-arg]
        except TiphysError:
            raise
        except Exception as error:
            raise InputError(
                f"{self._line_of(error)}: {type(error).__name__} while the pipeline {self.name!r} is built: {error}",
                fix="correct the line; steps have not run yet, results are not known while a pipeline is built",
            ) from error

    def _line_of(self, error: BaseException) -> str:
        """The innermost line of the pipeline's own file in a traceback."""
        found, trace = self.signature.where, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self.file:
                found = at(self.file, trace.tb_lineno)
            trace = trace.tb_next
        return found

    @property
    def result_shape(self) -> Shape:
        """The declared shape of the result; nothing when there is no annotation."""
        return self.signature.result if self.signature.annotated_result else NOTHING

    def _bind_result(self, current: Building, result: object) -> Binding | None:
        if result is None:
            if not takes_none(self.result_shape):
                raise self.signature.refusal("returns nothing, and declares a result", "return it")
            return None
        if not self.signature.annotated_result:
            raise self.signature.refusal(
                f"returns {result!r} and declares no result type", f"annotate it: def {self.name}(…) -> …:"
            )
        return current.bind_argument(f"the result of {self.name}", result, self.result_shape)

    def _check_text(self, results: frozenset[str]) -> None:
        """Check the text of the function, where the parameters `results` stand for results of steps."""
        if results not in self._read:
            from tiphys.workflows.authoring.syntax_check import check_function  # `ast` is needed by who builds alone

            check_function(unwrapped(self.function), results)  # type: ignore[arg-type]
            self._read.add(results)

    def __repr__(self) -> str:
        return f"<pipeline {self.module}:{self.name}>"

    def __reduce__(self) -> str:
        return self.name


@overload
def pipeline(function: Callable[P, R], /) -> Pipeline[P, R]: ...
@overload
def pipeline(*, parallel: int | None = None) -> Callable[[Callable[P, R]], Pipeline[P, R]]: ...
def pipeline(function: Callable[P, R] | None = None, /, *, parallel: int | None = None) -> Any:
    """Make a pipeline of a function: `@pipeline`, or `@pipeline(parallel=4)` to limit how many steps run at once.

    The limit counts for the pipeline that is run, not for pipelines that it calls.
    """
    if parallel is not None and (isinstance(parallel, bool) or not isinstance(parallel, int) or parallel < 1):
        raise InputError(
            f"{user_line()}: @pipeline(parallel={parallel!r}) is not a whole number from 1 up",
            fix="leave it out for no limit",
        )
    if function is not None:
        return _make(function, parallel)

    def decorate(function: Callable[P, R]) -> Pipeline[P, R]:
        return _make(function, parallel)

    return decorate


def _make(function: Callable[P, R], parallel: int | None) -> Pipeline[P, R]:
    found = checked_function(function, "pipeline")
    signature = Signature(unwrapped(found), "pipeline")
    if _STORE in signature.names:
        raise signature.refusal(
            f"has a parameter {_STORE!r}, which `run({_STORE}=…)` takes for itself", "give it another name"
        )
    return Pipeline(function, signature, module=found.__module__, parallel=parallel)
