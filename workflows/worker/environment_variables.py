"""The closed environment of a worker: what a step may know of the machine it runs on (pure).

A variable that a step can read and that is not in its key makes the cache stale, so there are few:

- *fixed* ones have one value everywhere: language and encoding, time zone, the seed of string hashes;
- *passed* ones say how to reach things, not what is there: programs and libraries, the person's folders, proxies and
  their certificates. Reading one in the user's own code is noted, since its value is not in the key;
- *granted* ones follow from the resources: thread counts, visible GPUs;
- declared `env` (values in the key) and `secrets` (names in the key, values nowhere).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from tiphys.cluster.errors import InputError

FIXED: Mapping[str, str] = {
    "LANG": "C.UTF-8",  # messages, sorting and the encoding of files do not depend on whose machine it is
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",  # a pod has no other; a laptop's zone would change what `date.fromtimestamp` says
    "PYTHONHASHSEED": "0",  # the order of a set of strings is the same in every run
}

ALLOWED: frozenset[str] = frozenset(
    {
        "PATH",  # programs that a step starts are found
        "LD_LIBRARY_PATH",  # native libraries (CUDA) are found
        "HOME",  # libraries keep settings and downloads there; what they read is observed
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "USER",  # `getpass.getuser` fails in a container without a passwd entry
        "LOGNAME",
        "TMPDIR",  # where the folder for temporary files of the attempt is made; the step sees that folder
        "SSL_CERT_FILE",  # behind a proxy nothing is reached without its certificates
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
    }
)

THREADS = (
    "OMP_NUM_THREADS",  # torch, Arrow, scikit-learn
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
)

GRANTED = (*THREADS, "CUDA_VISIBLE_DEVICES", "TMPDIR")
"""Set by us for each attempt; results must not depend on them, and the key does not hold them."""


def closed_environment(
    outer: Mapping[str, str],
    declared: Iterable[str],
    secrets: Iterable[str],
    allow: Iterable[str] = ALLOWED,
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The environment of a step: fixed, allowed, `extra`, then declared and secret variables; later ones win.

    A declared name that is not set in `outer` stays unset (that is in the key too). Secrets that are not set are an
    `InputError` which names all of them.
    """
    env = dict(FIXED)
    env |= {name: outer[name] for name in sorted(allow) if name in outer}
    env |= extra or {}
    env |= {name: outer[name] for name in declared if name in outer}
    return env | secret_values(outer, secrets)


def secret_values(outer: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """The values of declared secrets; those that are not set are an `InputError` which names all of them."""
    names = tuple(names)
    missing = sorted(set(names) - set(outer))
    if missing:
        listed = ", ".join(missing)
        raise InputError(
            f"declared secrets are not set in the environment: {listed}",
            fix=f"set them where you run, e.g. `export {missing[0]}=…`, or remove them from secrets=[…]",
        )
    return {name: outer[name] for name in names}


def resource_variables(cpu: float, gpus: Sequence[str]) -> dict[str, str]:
    """Thread counts from the cores asked for (rounded up), and the GPUs that may be seen: none when none are given."""
    threads = str(max(1, math.ceil(cpu)))
    return dict.fromkeys(THREADS, threads) | {"CUDA_VISIBLE_DEVICES": ",".join(gpus)}


def worker_environment(
    outer: Mapping[str, str], declared: Iterable[str], cpu: float, gpus: Sequence[str] = ()
) -> dict[str, str]:
    """The environment of a worker without its secrets, for these declared names, cores and devices."""
    return closed_environment(outer, declared, (), extra=resource_variables(cpu, gpus))


def server_environment(outer: Mapping[str, str]) -> dict[str, str]:
    """The environment that the fork server starts with: what must be there before a process begins."""
    kill_at = outer.get("TIPHYS_TEST_KILL_WORKER_AT")  # tests end workers at write boundaries (cluster.store.writing)
    return closed_environment(outer, (), (), extra={"TIPHYS_TEST_KILL_AT": kill_at} if kill_at else None)
