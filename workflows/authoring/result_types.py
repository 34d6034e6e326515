"""Which annotations a step may have: results are narrower than parameters, since placeholders are made from them."""

from __future__ import annotations

from datetime import date, datetime
from types import NoneType

from tiphys.workflows.advice import ALLOWED, advice_for
from tiphys.workflows.authoring.signature import Signature
from tiphys.workflows.shape_checks import walk
from tiphys.workflows.shapes import Anything, Made, Many, Mapped, OneOf, Plain, Product, Record, Shape, Unknown, text_of

_PLAIN = (NoneType, bool, int, float, str, date, datetime)


def check_signature(signature: Signature) -> None:
    """`InputError` with the lines to write when a parameter or the result of a step has no encoding."""
    for name, shape in signature.shapes.items():
        unknown = next((part for part in walk(shape) if isinstance(part, Unknown)), None)
        if unknown is not None:
            raise signature.refusal(
                f"takes {name}: {text_of(shape)}, and {unknown.reason}",
                "take what a step can be given: a plain value, or an artifact (`raw: Features`) whose `path` it reads",
            )
    problem = refused_result(signature.result)
    if problem is not None:
        reason, fix = problem
        raise signature.refusal(f"returns {text_of(signature.result)}: {reason}", fix)


def check_annotated_result(signature: Signature) -> None:
    """`InputError` when the result of a step has no annotation: without one nothing can stand for it."""
    if not signature.annotated_result:
        raise signature.refusal(
            "declares no result type: without one nothing can stand for its result while a pipeline is built",
            f"write `def {signature.name}(…) -> None:` if it returns nothing; {ALLOWED}",
        )


def refused_result(shape: Shape) -> tuple[str, str] | None:
    """Why a shape cannot be a result, and what to write instead; None when it can."""
    todo: list[Shape] = [shape]
    seen: set[type] = set()
    while todo:
        part = todo.pop()
        problem = _refused_layer(part)
        if problem is not None:
            return problem
        match part:
            case OneOf(parts) | Product(parts):
                todo.extend(reversed(parts))
            case Many(inner, _) | Mapped(inner, _):
                todo.append(inner)
            case Record(cls, _) if cls not in seen:
                seen.add(cls)
                todo.extend(reversed(part.fields.values()))
    return None


def _refused_layer(shape: Shape) -> tuple[str, str] | None:
    match shape:
        case Unknown():
            return shape.reason, _unknown_fix(shape)
        case Anything():
            return "its consumers could not be checked", f"say which type; {ALLOWED}"
        case Plain(kind) if kind not in _PLAIN:
            return "a path is a place, its content is not part of it", advice_for(kind)
        case OneOf(options) if sum(option != Plain(NoneType) for option in options) > 1:
            return (
                "a union other than `T | None` has no one type",
                "return one type, or a dataclass with optional fields",
            )
        case Many(_, form) if form != "list":
            return "its length is not known while a pipeline is built", "declare list[T], or tuple[A, B] with each part"
        case Mapped(_, "mapping"):
            return "it is not said which mapping it is", "declare dict[str, T]"
        case Made(cls) if cls.__name__ == "Artifact" and cls.__module__ == "tiphys.cluster.artifact":
            return "it is not said what kind of artifact it is", "declare File, Folder, Table, Model or a subclass"
        case _:
            return None


def _unknown_fix(unknown: Unknown) -> str:
    if isinstance(unknown.annotation, type):
        return advice_for(unknown.annotation)
    return f"annotate the field; {ALLOWED}" if unknown.annotation is None else ALLOWED
