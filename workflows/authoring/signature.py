"""Signatures of steps and pipelines: which parameters there are, how they are declared, how a call binds to them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cached_property
from types import CodeType, FunctionType
from typing import Any

from tiphys.cluster.caller import at, user_line
from tiphys.cluster.errors import InputError
from tiphys.workflows.shapes import Shape, name_of, resolve, shape_of

_VARARGS, _VARKEYWORDS = 0x04, 0x08
_GENERATOR, _COROUTINE, _ITERABLE_COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x100, 0x200


class Signature:
    """Parameters in order, defaults, and annotations, which are resolved at the first use at the latest.

    `positional`: how many parameters may be passed by position. Only named parameters are allowed.
    """

    def __init__(self, function: FunctionType, kind: str) -> None:
        code = function.__code__
        self.kind = kind
        self.function = function
        self.name = function.__name__
        self.file = code.co_filename
        self.line = code.co_firstlineno
        count = code.co_argcount + code.co_kwonlyargcount
        self.names = code.co_varnames[:count]
        self.positional = code.co_argcount
        defaults = function.__defaults__ or ()
        self.defaults: dict[str, Any] = dict(
            zip(self.names[code.co_argcount - len(defaults) : code.co_argcount], defaults, strict=True)
        )
        self.defaults |= function.__kwdefaults__ or {}
        self._check_parameters(code)

    def _check_parameters(self, code: CodeType) -> None:
        if code.co_flags & (_VARARGS | _VARKEYWORDS) or code.co_posonlyargcount:
            raise self.refusal(
                "takes *args, **kwargs or position-only parameters, and arguments are recorded by name",
                "name the parameters; several values of one kind are one parameter of type list[T]",
            )
        for name in self.names:
            if name not in self.function.__annotations__:
                raise self.refusal(f"declares no type for its parameter {name!r}", f"annotate it: `{name}: int`")

    @property
    def where(self) -> str:
        """`FILE:LINE` of the definition."""
        return at(self.file, self.line)

    def refusal(self, reason: str, fix: str) -> InputError:
        """`FILE:LINE: the step 'name' REASON`."""
        return InputError(f"{self.where}: the {self.kind} {self.name!r} {reason}", fix=fix)

    @cached_property
    def hints(self) -> dict[str, Any]:
        """Resolved annotations by parameter name, and "return" if the result is annotated."""
        return resolve(self.function, where=f"{self.where}: the {self.kind} {self.name!r}")

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """Shapes by parameter name."""
        return {name: shape_of(self.hints[name]) for name in self.names}

    @cached_property
    def result(self) -> Shape:
        """The shape of the result."""
        return shape_of(self.hints["return"])

    @property
    def annotated_result(self) -> bool:
        """Whether the result is annotated."""
        return "return" in self.function.__annotations__

    def texts(self) -> dict[str, str]:
        """Annotations by parameter name, as written."""
        return {name: name_of(self.function.__annotations__[name]) for name in self.names}

    def result_text(self) -> str:
        """The annotation of the result, as written."""
        return name_of(self.function.__annotations__.get("return", None)) if self.annotated_result else ""

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments by parameter name, without defaults. `InputError` with the user's line, as Python's `TypeError`."""
        if len(args) > self.positional:
            raise self._call_error(f"takes {self.positional} arguments by position, {len(args)} were given")
        bound = dict(zip(self.names, args, strict=False))
        for name, value in kwargs.items():
            if name not in self.shapes:
                close = get_close_matches(name, self.names, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"it takes {', '.join(self.names) or 'none'}"
                raise self._call_error(f"has no parameter {name!r}", hint)
            if name in bound:
                raise self._call_error(f"was given {name!r} twice, by position and by name")
            bound[name] = value
        if len(bound) < len(self.names):
            for name in self.names:
                if name not in bound and name not in self.defaults:
                    raise self._call_error(f"was called without {name!r}", f"pass {name}={self.texts()[name]}")
        return bound

    def _call_error(self, reason: str, fix: str = "") -> InputError:
        return InputError(
            f"{user_line()}: {self.name}({', '.join(self.names)}) {reason}", fix=fix or "correct the call"
        )


def checked_function(function: object, kind: str) -> FunctionType:
    """The function that a decorator was put on. `InputError` with the reason for what cannot be found again by name."""
    if not isinstance(function, FunctionType):
        raise InputError(
            f"{user_line()}: @{kind} is put on {function!r}, which is not a function",
            fix=f"put @{kind} on a `def` at the top level of a module",
        )
    where = at(function.__code__.co_filename, function.__code__.co_firstlineno)
    reason = _unfit(function)
    if reason:
        raise InputError(
            f"{where}: a {kind} cannot be {reason[0]}: {reason[1]}",
            fix=f"put @{kind} on a plain `def` at the top level of a module",
        )
    return function


def _unfit(function: FunctionType) -> tuple[str, str] | None:
    """What makes a function unfit, and why."""
    if function.__name__ == "<lambda>":
        return "a lambda", "it has no name by which another process could import it"
    if "<locals>" in function.__qualname__:
        return "a nested function", f"{function.__qualname__} cannot be imported by name"
    if function.__qualname__ != function.__name__:
        return "a method", f"{function.__qualname__} is not at the top level of its module"
    flags = unwrapped(function).__code__.co_flags
    if flags & (_COROUTINE | _ITERABLE_COROUTINE):
        return "an async function", "its result is a coroutine, not a value"
    if flags & (_GENERATOR | _ASYNC_GENERATOR):
        return "a generator", "its values come one by one, and a result is one value (return a list)"
    return None


def unwrapped(function: FunctionType) -> FunctionType:
    """The function below decorators that used `functools.wraps`."""
    seen = 0
    while isinstance(inner := getattr(function, "__wrapped__", None), FunctionType) and seen < sys.getrecursionlimit():
        function = inner
        seen += 1
    return function
