"""`container()`: a step that is an image and a command instead of a function."""

from __future__ import annotations

import keyword
import re
import string
import sys
from collections.abc import Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

from tiphys.cluster.caller import user_frame, user_line
from tiphys.cluster.errors import InputError
from tiphys.workflows.authoring.result_types import check_signature
from tiphys.workflows.authoring.settings import parse_settings
from tiphys.workflows.authoring.signature import Signature
from tiphys.workflows.authoring.step import Step
from tiphys.workflows.shapes import NOTHING, Made, Record, Shape, shape_of, text_of

if TYPE_CHECKING:
    from typing import Unpack

    from tiphys.workflows.authoring.settings import StepSettings

R = TypeVar("R")

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def container(
    name: str, *, image: str, command: Sequence[str], outputs: type[R] | None = None, **settings: Unpack[StepSettings]
) -> Step[..., R]:
    """A step that runs `command` in `image` on the cluster; `tiphys run` refuses it.

    In the command, `{raw}` stands for the argument `raw` (the path of an artifact, or the text of a value) and makes
    it a parameter; `{output}` for the path where the artifact `outputs` is to be written, `{output.train}` for the
    field `train` of `outputs`, a dataclass or NamedTuple of artifacts. The image carries its digest.
    """
    where = f"{user_line()}: container {name!r}"
    _check_name_and_image(name, image, where)
    fields = _fields_of(command, where)
    parameters = tuple(dict.fromkeys(f for f in fields if f != "output" and not f.startswith("output.")))
    made = _outputs(outputs, fields, where)
    frame = user_frame() or sys._getframe(1)
    signature = Signature(_stand_in(name, parameters, outputs), "container")
    signature.file, signature.line = frame.f_code.co_filename, frame.f_lineno
    check_signature(signature)
    return Step(
        signature.function,
        signature,
        parse_settings(settings, where),
        module=frame.f_globals.get("__name__", "__main__"),
        container={"image": image, "command": list(command), "outputs": made},
    )


def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None and not keyword.iskeyword(text)


def _check_name_and_image(name: str, image: str, where: str) -> None:
    if not _is_name(name):
        raise InputError(f"{where}: not a name", fix="use letters, digits and _, such as container('convert_all', …)")
    if not _DIGEST.search(image):
        raise InputError(
            f"{where}: the image {image!r} has no digest; a tag may be moved, and the cache could not see it",
            fix="write IMAGE@sha256:… (`crane digest IMAGE` or `docker inspect` show it)",
        )


def _fields_of(command: Sequence[str], where: str) -> tuple[str, ...]:
    """The names in braces of a command."""
    if isinstance(command, str) or not command or not all(isinstance(word, str) for word in command):
        raise InputError(
            f"{where}: command={command!r} is not a list of words", fix='write ["convert", "{raw}", "{output}"]'
        )
    found: dict[str, None] = {}
    for word in command:
        try:
            fields = [f"{name}{spec}" for _, name, spec, _ in string.Formatter().parse(word) if name is not None]
        except ValueError as error:
            raise InputError(f"{where}: {word!r}: {error}", fix="write {{ and }} for braces themselves") from None
        for field in fields:
            if not _is_name(field.removeprefix("output.")):
                raise InputError(f"{where}: {word!r} has {{{field}}}", fix="write a name: {raw} or {output.train}")
            found[field] = None
    return tuple(found)


def _outputs(outputs: type | None, fields: tuple[str, ...], where: str) -> dict[str, str]:
    """Class names of the artifacts by the name in braces (`output`, `output.train`)."""
    shape = NOTHING if outputs is None else shape_of(outputs)
    made = _artifacts_of(shape, where)
    mentioned = {f for f in fields if f == "output" or f.startswith("output.")}
    if mentioned != set(made):
        odd = sorted(mentioned ^ set(made))[0]
        said = "is in the command and not in outputs" if odd in mentioned else "is in outputs and not in the command"
        raise InputError(
            f"{where}: {{{odd}}} {said}", fix="every output needs its place in the command, and only those"
        )
    return made


def _artifacts_of(shape: Shape, where: str) -> dict[str, str]:
    match shape:
        case Made(cls):
            return {"output": cls.__qualname__}
        case Record():
            made = {f"output.{n}": part.cls.__qualname__ for n, part in shape.fields.items() if isinstance(part, Made)}
            if len(made) == len(shape.fields):
                return made
    if shape == NOTHING:
        return {}
    raise InputError(
        f"{where}: outputs={text_of(shape)} is neither an artifact nor a dataclass of artifacts",
        fix="a container writes files: declare a File, Folder, Table or Model for each",
    )


def _stand_in(name: str, parameters: tuple[str, ...], outputs: Any) -> FunctionType:
    """A function with the container's parameters, which refuses to run."""

    def refuse(**_: Any) -> Any:
        raise InputError(
            f"the container {name!r} runs on a cluster, not here", fix="submit the pipeline, or write a step in Python"
        )

    scope: dict[str, Any] = {"refuse": refuse}
    listed = ", ".join(("*", *(f"{p}" for p in parameters))) if parameters else ""
    passed = ", ".join(f"{p}={p}" for p in parameters)
    exec(f"def {name}({listed}): return refuse({passed})", scope)  # the names were checked to be identifiers
    function: FunctionType = scope[name]
    function.__annotations__ = dict.fromkeys(parameters, object) | {"return": outputs}
    return function
