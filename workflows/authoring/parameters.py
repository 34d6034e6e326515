"""Parameters of a pipeline: values by name, from text, from a run record or from Python, checked by annotation."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from tiphys.cluster.errors import InputError
from tiphys.workflows.shape_checks import mismatch
from tiphys.workflows.shapes import text_of
from tiphys.workflows.values import parse
from tiphys.workflows.values_decode import Decoder

if TYPE_CHECKING:
    from tiphys.cluster.store.records import Json
    from tiphys.workflows.authoring.pipeline import Pipeline

    AnyPipeline = Pipeline[..., Any]


def bind_parameters(
    pipeline: AnyPipeline, texts: Mapping[str, str], *, given: Collection[str] = ()
) -> dict[str, object]:
    """Values from `name=text` as typed. `given`: names that have a value already.

    `InputError` for an unknown name (with close matches), a text that does not fit, and a parameter without value.
    """
    _check_names(pipeline, texts)
    hints = pipeline.signature.hints
    values: dict[str, object] = {name: parse(text, hints[name], name=name) for name, text in texts.items()}
    _check_complete(pipeline, {*values, *given})
    return values


def decode_parameters(pipeline: AnyPipeline, encoded: Mapping[str, Json], *, root: Path) -> dict[str, object]:
    """Values from their encoded form, as a run record holds them. `InputError` when they do not fit the pipeline."""
    _check_names(pipeline, encoded)
    decoder = Decoder(_no_artifact, root)
    shapes = pipeline.signature.shapes
    return {name: decoder.decode(data, shapes[name], f"parameter {name!r}") for name, data in encoded.items()}


def complete_parameters(pipeline: AnyPipeline, values: Mapping[str, object]) -> dict[str, object]:
    """All parameters, with defaults, in order of definition. `InputError` when one is unknown, missing or ill-typed."""
    _check_names(pipeline, values)
    signature = pipeline.signature
    _check_complete(pipeline, values)
    complete = {n: values[n] if n in values else signature.defaults[n] for n in signature.names}
    for name, value in complete.items():
        wrong = mismatch(value, signature.shapes[name], f"{pipeline.name}: parameter {name!r}")
        if wrong is not None:
            raise InputError(wrong, fix="pass what is declared, or change the annotation")
    return complete


def _check_names(pipeline: AnyPipeline, names: Collection[str]) -> None:
    known = pipeline.signature.names
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=3)
            listed = ", ".join(close or known) or "none"
            raise InputError(
                f"the pipeline {pipeline.name!r} has no parameter {name!r}",
                fix=f"did you mean {listed}?" if close else f"its parameters: {listed}",
            )


def _check_complete(pipeline: AnyPipeline, given: Collection[str]) -> None:
    signature = pipeline.signature
    for name in signature.names:
        if name not in given and name not in signature.defaults:
            raise InputError(
                f"the pipeline {pipeline.name!r} needs a value for {name!r} ({text_of(signature.shapes[name])})",
                fix=f"pass -p {name}=…, or {name}=… in Python",
            )


def _no_artifact(node: Json) -> NoReturn:
    raise InputError(
        f"a parameter is the artifact {node.get('$artifact')}, and artifacts are made by steps",
        fix="pass a path as `Path`, or return the artifact from a step",
    )
