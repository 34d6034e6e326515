"""The cache key of one call: what the result depends on, in one canonical structure (pure).

Two levels keep 10,000 keys cheap: the *static* part of a step is hashed once, the key of a call hashes that digest
with the call's arguments and reads. Every part is kept as `components` with the entry, because that is what `why`
compares. Not in the key: the step's name, resources, profile, image; they are recorded elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from blake3 import blake3

from tiphys.cluster.store.records import Json

KEY_VERSION = 1
"""Raised when the meaning of any component changes: all older entries then miss, in the open."""


@dataclass(frozen=True, slots=True)
class StaticKey:
    """What all calls of a step have in common.

    `code`: digest of the closure. `code_units` and `bundle`: object digests in the store ("" while nothing was
    written), for `why` and for the worker; not part of the key. `env`: declared names -> value, None when unset.
    """

    code: str
    python: str
    environment: Mapping[str, str]
    env: Mapping[str, str | None]
    secrets: tuple[str, ...]
    code_units: str = ""
    bundle: str = ""

    def digest(self) -> str:
        """BLAKE3, hexadecimal, of the canonical form of what counts."""
        return _digest(
            {
                "key_version": KEY_VERSION,
                "code": self.code,
                "python": self.python,
                "environment": dict(self.environment),
                "env": dict(self.env),
                "secrets": sorted(self.secrets),
            }
        )


def call_key(static_digest: str, arguments: Mapping[str, Json], reads: Mapping[str, str | None]) -> str:
    """The key of a call: 64 hexadecimal digits. `arguments` are encoded values, artifacts by digest."""
    return _digest({"step": static_digest, "arguments": arguments, "reads": reads})


def graph_key(
    pipeline: str, code: str, python: str, environment: Mapping[str, str], parameters: Json, settings: Json
) -> str:
    """The key of a built graph: closure of the pipeline function, parameters, settings and environment."""
    return _digest(
        {
            "key_version": KEY_VERSION,
            "graph": pipeline,
            "code": code,
            "python": python,
            "environment": environment,
            "parameters": parameters,
            "settings": settings,
        }
    )


def components(static: StaticKey, arguments: Mapping[str, Json], reads: Mapping[str, str | None]) -> Json:
    """All parts of a key as they are stored with the entry and compared by `why`."""
    return {
        "key_version": KEY_VERSION,
        "code": {"digest": static.code, "units": static.code_units, "files": static.bundle},
        "python": static.python,
        "environment": dict(static.environment),
        "env": _hidden(static.env),
        "secrets": list(static.secrets),
        "arguments": dict(arguments),
        "reads": dict(reads),
    }


def _hidden(env: Mapping[str, str | None]) -> Mapping[str, str | None]:
    """Values of declared variables by digest: `why` says that one changed, the store need not hold it."""
    return {name: None if value is None else blake3(value.encode()).hexdigest()[:16] for name, value in env.items()}


def _digest(value: Json) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return blake3(text.encode("utf-8", "surrogatepass")).hexdigest()
