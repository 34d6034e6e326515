"""Reads the text of a pipeline function for what Python lets nobody refuse at run time.

`is`, `match`, `isinstance()` and `hasattr()` on the result of a step would answer for what stands in its place. Names
are followed through assignments, unpacking, fields, the bodies of `each`, nested functions and the first-party
functions that are called, in every order: a name that is ever bound to a result counts as one in its whole function.
Not followed are methods, containers that results are put into, and functions passed on as values.
"""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any, NoReturn, TypeAlias

from tiphys.cluster.caller import at, is_library
from tiphys.cluster.errors import InputError
from tiphys.workflows.authoring.combinators import branch, each
from tiphys.workflows.authoring.pipeline import Pipeline
from tiphys.workflows.authoring.step import Step

Function: TypeAlias = ast.FunctionDef | ast.Lambda

_TESTS = {"isinstance", "hasattr", "issubclass", "type", "callable", "id"}
_FIX = "`with when(…):` or `branch(…)` decide when the pipeline runs; anything else is tested inside a step"


def check_function(function: FunctionType, results: frozenset[str] = frozenset()) -> None:
    """`InputError` with the line when the text of a pipeline function tests a result in a way that sees nothing.

    `results`: parameters that stand for results already (a pipeline that another one calls).
    """
    if not linecache.getlines(function.__code__.co_filename):
        raise InputError(
            f"the text of the pipeline {function.__name__!r} cannot be read ({function.__code__.co_filename})",
            fix="define it in a file",
        )
    Reader().read(function, results)


class Reader:
    """Reads functions, each once for the same parameters that are results."""

    def __init__(self) -> None:
        self._trees: dict[str, ast.Module] = {}
        self._done: dict[tuple[CodeType, frozenset[str]], bool] = {}

    def read(self, function: FunctionType, results: frozenset[str]) -> bool:
        """Check a function; whether it returns a result. A call of itself is taken not to."""
        key = (function.__code__, results)
        if key not in self._done:
            self._done[key] = False
            node = self._definition(function)
            if node is not None:
                scope = Scope(node, Names(function, self), results, function.__code__.co_filename)
                _check_scope(scope)
                returned = (n.value for n in scope.own if isinstance(n, ast.Return))
                self._done[key] = any(scope.is_result(value) for value in returned)
        return self._done[key]

    def _definition(self, function: FunctionType) -> ast.FunctionDef | None:
        """The definition of a function in the text of its file; None when there is none (a lambda, a generated one)."""
        file, line = function.__code__.co_filename, function.__code__.co_firstlineno
        if file not in self._trees:
            self._trees[file] = ast.parse("".join(linecache.getlines(file)), file)
        for node in ast.walk(self._trees[file]):
            if isinstance(node, ast.FunctionDef) and node.name == function.__name__ and line in _first_lines(node):
                return node
        return None


def _first_lines(node: ast.FunctionDef) -> list[int]:
    return [node.lineno, *(decorator.lineno for decorator in node.decorator_list)]


class Names:
    """What names outside the function mean: its module's globals, what it imports itself, other names for those."""

    def __init__(self, function: FunctionType, reader: Reader) -> None:
        self._globals = function.__globals__
        self._local: dict[str, Any] = {}
        self.reader = reader

    def value(self, node: ast.expr | None) -> Any:
        """The object that `name` or `module.name` is; None when unknown."""
        if isinstance(node, ast.Name):
            return self._local.get(node.id, self._globals.get(node.id))
        if isinstance(node, ast.Attribute):
            owner = self.value(node.value)
            return getattr(owner, node.attr, None) if type(owner) is ModuleType else None
        return None

    def learn(self, node: ast.AST) -> None:
        """Take in an import in the function, or another name for a step."""
        if isinstance(node, ast.ImportFrom) and node.module in sys.modules and not node.level:
            module = sys.modules[node.module]
            self._local.update({a.asname or a.name: getattr(module, a.name, None) for a in node.names})
        elif isinstance(node, ast.Import):
            for a in node.names:
                self._local[a.asname or a.name.partition(".")[0]] = sys.modules.get(
                    a.name if a.asname else a.name.partition(".")[0]
                )
        elif isinstance(node, ast.Assign) and _is_step(self.value(node.value)):
            self._local.update({t.id: self.value(node.value) for t in node.targets if isinstance(t, ast.Name)})


class Scope:
    """One function of the text: which of its names stand for results."""

    def __init__(self, node: Function, names: Names, results: frozenset[str], file: str) -> None:
        self.names = names
        self.file = file
        self.own = list(_own_nodes(node))
        self.results = set(results)
        for inner in self.own:
            names.learn(inner)
        self._follow()

    def _follow(self) -> None:
        """Add names until nothing new is found: assignments may stand in any order, in loops for example."""
        before = -1
        while before != len(self.results):
            before = len(self.results)
            for node in self.own:
                for target, value in _bindings(node):
                    if self.is_result(value):
                        self.results.update(_names_in(target))

    def is_result(self, node: ast.expr | None) -> bool:
        """Whether an expression is the result of a step, or a part of one."""
        match node:
            case ast.Name(id=name):
                return name in self.results
            case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.Starred(value=inner):
                return self.is_result(inner)
            case ast.NamedExpr(value=inner):
                return self.is_result(inner)
            case ast.IfExp(body=then, orelse=otherwise):
                return self.is_result(then) or self.is_result(otherwise)
            case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.BoolOp(values=parts):
                return any(self.is_result(part) for part in parts)
            case ast.Call():
                return self._gives_result(node)
            case _:
                return False

    def _gives_result(self, call: ast.Call) -> bool:
        called = call.func
        if isinstance(called, ast.Call):  # step.after(…)(…)
            inner = called.func
            return isinstance(inner, ast.Attribute) and inner.attr == "after" and self._is_step(inner.value)
        value = self.names.value(called)
        if value is each or value is branch or self._is_step(called):
            return True
        if isinstance(value, FunctionType) and _is_users(value):
            return self.names.reader.read(value, self.results_passed(call, value.__code__.co_varnames))
        return False

    def _is_step(self, node: ast.expr) -> bool:
        return _is_step(self.names.value(node))

    def results_passed(self, call: ast.Call, parameters: tuple[str, ...]) -> frozenset[str]:
        """Names of the parameters that a call passes results to."""
        passed = {name for name, arg in zip(parameters, call.args, strict=False) if self.is_result(arg)}
        passed |= {k.arg for k in call.keywords if k.arg in parameters and self.is_result(k.value)}
        return frozenset(passed)

    def functions(self) -> Iterator[tuple[Function, frozenset[str]]]:
        """Functions defined directly in this one, and their parameters that are results: items, or passed in a call."""
        calls = [node for node in self.own if isinstance(node, ast.Call)]
        bodies = [body for call in calls for body in self._each_bodies(call)]
        for node in self.own:
            if isinstance(node, ast.Lambda | ast.FunctionDef):
                parameters = tuple(a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs))
                if any(body is node or _is_named(body, node) for body in bodies):
                    yield node, frozenset(parameters)
                else:
                    called = [call for call in calls if call.func is node or _is_named(call.func, node)]
                    passed = frozenset[str]().union(*(self.results_passed(call, parameters) for call in called))
                    yield node, passed | (self.results - set(parameters))

    def _each_bodies(self, call: ast.Call) -> Iterator[ast.expr]:
        if self.names.value(call.func) is each:
            yield from call.args[1:2]
            yield from (k.value for k in call.keywords if k.arg == "body")


def _is_step(value: object) -> bool:
    return issubclass(type(value), Step | Pipeline)


def _is_users(function: FunctionType) -> bool:
    ours = function.__module__.partition(".")[0] == "tiphys"
    return not ours and not is_library(function.__code__.co_filename)


def _is_named(use: ast.expr, node: Function) -> bool:
    return isinstance(node, ast.FunctionDef) and isinstance(use, ast.Name) and use.id == node.name


def _check_scope(scope: Scope) -> None:
    for node in scope.own:
        _check_node(scope, node)
    for function, results in scope.functions():
        _check_scope(Scope(function, scope.names, results, scope.file))


def _check_node(scope: Scope, node: ast.AST) -> None:
    match node:
        case ast.Compare(left=left, ops=ops, comparators=others):
            for op, a, b in zip(ops, (left, *others), others, strict=False):
                if isinstance(op, ast.Is | ast.IsNot) and (scope.is_result(a) or scope.is_result(b)):
                    _refuse(scope, node, "`is`", a if scope.is_result(a) else b)
        case ast.Match(subject=subject) if scope.is_result(subject):
            _refuse(scope, node, "`match`", subject)
        case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in _TESTS and scope.is_result(first):
            _refuse(scope, node, f"{name}()", first)
        case ast.Call():
            scope.is_result(node)  # reads the function that is called


def _refuse(scope: Scope, node: ast.stmt | ast.expr, what: str, tested: ast.expr) -> NoReturn:
    raise InputError(
        f"{at(scope.file, node.lineno)}: {what} tests {ast.unparse(tested)!r}, the result of a step, while "
        "the pipeline is built: there is no value yet, and Python would answer for what stands in its place",
        fix=_FIX,
    )


def _own_nodes(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function's body, functions in it without their bodies."""
    todo: list[ast.AST] = list(function.body) if isinstance(function, ast.FunctionDef) else [function.body]
    while todo:
        node = todo.pop(0)
        yield node
        if not isinstance(node, ast.FunctionDef | ast.Lambda | ast.AsyncFunctionDef | ast.ClassDef):
            todo.extend(ast.iter_child_nodes(node))


def _bindings(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """(target, value) of whatever binds names."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _pairs(target, value)
        case ast.AnnAssign(target=target, value=value):
            yield target, value
        case ast.AugAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
            yield target, value
        case ast.For(target=target, iter=iterated) | ast.comprehension(target=target, iter=iterated):
            yield target, iterated
        case ast.withitem(optional_vars=ast.expr() as target, context_expr=value):
            yield target, value


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """`a, b = x, y` binds part by part."""
    sides = (target, value)
    if all(isinstance(side, ast.Tuple | ast.List) for side in sides):
        targets, values = target.elts, value.elts  # type: ignore[attr-defined]
        starred = any(isinstance(part, ast.Starred) for part in (*targets, *values))
        if len(targets) == len(values) and not starred:
            for inner, part in zip(targets, values, strict=True):
                yield from _pairs(inner, part)
            return
    yield target, value


def _names_in(target: ast.expr) -> Iterator[str]:
    for node in ast.walk(target):
        if isinstance(node, ast.Name):
            yield node.id
