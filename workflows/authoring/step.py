"""`@step`: a function that a pipeline calls, typed as the function is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property, update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from tiphys.cluster.caller import at, user_line
from tiphys.cluster.errors import InputError
from tiphys.workflows.authoring.context import building, required
from tiphys.workflows.authoring.result_types import check_annotated_result, check_signature
from tiphys.workflows.authoring.settings import parse_settings
from tiphys.workflows.authoring.signature import Signature, checked_function, unwrapped
from tiphys.workflows.graph import Literal, Settings, StepInfo
from tiphys.workflows.shapes import Unresolved, takes_none
from tiphys.workflows.values import encode

if TYPE_CHECKING:
    from typing import Unpack

    from tiphys.cluster.store.records import Json
    from tiphys.workflows.authoring.settings import StepSettings

P = ParamSpec("P")
R = TypeVar("R")


class Step(Generic[P, R]):
    """A step. Called while a pipeline is built, it records a call and gives back what stands for the result, of the

    declared type; called anywhere else, it just runs. `module` and `name` say where a worker finds it.
    """

    def __init__(
        self,
        function: Callable[P, R],
        signature: Signature,
        settings: Settings,
        *,
        module: str,
        container: Json = None,
    ) -> None:
        update_wrapper(self, function)
        self.function = function
        self.signature = signature
        self.settings = settings
        self.module = module
        self.name = signature.name
        self.file = signature.file
        self.ref = f"{module}:{signature.name}"
        self.container = container
        self._defaults: dict[Path, dict[str, Literal]] = {}
        self._checked = False

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if building() is None:
            return self.function(*args, **kwargs)
        made: R = self._record(args, kwargs, ())
        return made

    def after(self, *done: object) -> Callable[P, R]:
        """This step, called once these results (or the latest calls of these steps) are there; no data is passed.

        A result that was skipped counts as done, a failed one does not: `report.after(train_result)(path)`.
        """
        current = required(f"{self.name}.after(…)")
        addresses: list[str] = []
        for one in done:
            if issubclass(type(one), Step):  # `isinstance` is refused by placeholders
                assert isinstance(one, Step)
                address = current.latest(one)
                if address is None:
                    raise InputError(
                        f"{user_line()}: after({one.name}): {one.name} has not been called yet in this pipeline",
                        fix=f"call {one.name} first",
                    )
                addresses.append(address)
            else:
                addresses.extend(current.gates([one]))

        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            made: R = self._record(args, kwargs, tuple(dict.fromkeys(addresses)))
            return made

        return call

    def _record(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], after: tuple[str, ...]) -> Any:
        self.check()
        return required(self.name).record(self, self.signature.bind(args, kwargs), after)

    def check(self) -> None:
        """Resolve the annotations and check them, once. `InputError` names the definition."""
        if not self._checked:
            check_signature(self.signature)
            self._checked = True

    def defaults(self, root: Path) -> dict[str, Literal]:
        """Encoded defaults by parameter name: they are recorded with each call, so that changing one is seen."""
        if root not in self._defaults:
            where = f"{self.signature.where}: the default of {self.name}"
            self._defaults[root] = {
                name: Literal(encode(value, where=f"{where}: {name}", root=root))
                for name, value in self.signature.defaults.items()
            }
        return self._defaults[root]

    @cached_property
    def info(self) -> StepInfo:
        """How the planner sees the step, with the file relative to its own project root."""
        from tiphys.workflows.project import find_project  # not needed to import a module with steps

        return self.info_below(find_project(Path(self.file)).root)

    def info_below(self, root: Path) -> StepInfo:
        """How the planner sees the step in the project at `root`."""
        self.check()
        signature = self.signature
        return StepInfo(
            module=self.module,
            name=self.name,
            file=relative_file(self.file, root),
            line=signature.line,
            settings=self.settings,
            parameters=signature.texts(),
            optional=frozenset(name for name, shape in signature.shapes.items() if takes_none(shape)),
            result=signature.result_text(),
            container=self.container,
        )

    @property
    def hints(self) -> Mapping[str, Any]:
        """Resolved annotations by parameter name, and "return": what a worker decodes arguments by."""
        return self.signature.hints

    def __repr__(self) -> str:
        return f"<step {self.ref}>"

    def __reduce__(self) -> str:
        return self.name  # pickled by reference, as the function would be


def relative_file(file: str, root: Path) -> str:
    """A source file as the graph names it: POSIX below the root, else absolute."""
    path = Path(file).absolute()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


@overload
def step(function: Callable[P, R], /) -> Step[P, R]: ...
@overload
def step(**settings: Unpack[StepSettings]) -> Callable[[Callable[P, R]], Step[P, R]]: ...
def step(function: Callable[P, R] | None = None, /, **settings: Any) -> Any:
    """Make a step of a function: `@step`, or `@step(cpu=2, memory="4Gi", retries=2)`.

    The function stands at the top level of a module and annotates its parameters and its result. Settings are those
    of `StepSettings`; none of them but `env`, `secrets`, `reads` and `environment` counts for the cache.
    """
    if function is not None:
        return _make(function, settings)

    def decorate(function: Callable[P, R]) -> Step[P, R]:
        return _make(function, settings)

    return decorate


def _make(function: Callable[P, R], options: Mapping[str, Any]) -> Step[P, R]:
    found = checked_function(function, "step")
    signature = Signature(unwrapped(found), "step")
    check_annotated_result(signature)
    where = f"{at(signature.file, signature.line)}: step {signature.name!r}"
    made = Step(function, signature, parse_settings(options, where), module=found.__module__)
    with suppress(Unresolved):  # it may name a class further down the file; checked again at the first use
        made.check()
    return made
