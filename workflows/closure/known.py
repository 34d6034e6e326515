"""What is known about foreign names: decorators and bases that only wrap, calls that set something global, and so on.

All are prefixes of dotted names, whole components. Users extend `INERT` by `[tool.tiphys] inert = ["pkg.mod.name"]`.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterable


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


STEPS = frozenset({"step", "train_job", "container"})
"""Tiphys' decorators that make a step."""

DECORATORS = STEPS | {"pipeline"}

INERT = _names(
    """
    tiphys torch.no_grad torch.inference_mode torch.jit torch.compile numba jax.jit jax.vmap jax.grad numpy.vectorize
    pydantic attr attrs click typing_extensions tenacity.retry pytest beartype.beartype deprecated cachetools.cached
    hypothesis mypy_extensions typeguard
    numpy.array numpy.asarray numpy.arange numpy.linspace numpy.zeros numpy.ones numpy.full numpy.eye numpy.dtype
    numpy.float32 numpy.float64 numpy.int32 numpy.int64 numpy.datetime64 numpy.timedelta64 numpy.deg2rad numpy.log
    numpy.sqrt numpy.random.default_rng pandas.Index pandas.Series pandas.DataFrame pandas.Timestamp
    pandas.Timedelta pandas.to_datetime pandas.date_range pandas.CategoricalDtype torch.device torch.tensor torch.Size
    pyarrow.schema pyarrow.field pyarrow.array pyarrow.table polars.col polars.lit polars.Series polars.DataFrame
    polars.Schema yaml.safe_load
    """
)
"""Third-party decorators and calls that register nothing which another step could see."""

INERT_BASES = INERT | _names(
    """
    torch.nn torch.utils.data torch.autograd.Function flax.linen.Module pydantic_settings.BaseSettings sklearn.base
    lightning.LightningModule lightning.LightningDataModule pytorch_lightning
    """
)
"""Third-party classes whose subclasses register nothing. (Not their calls: a layer draws random numbers.)"""

SETTERS = _names(
    """
    random.seed random.random random.uniform random.randint random.randrange random.choice random.choices
    random.sample random.shuffle random.gauss random.normalvariate random.getrandbits random.randbytes
    random.betavariate random.expovariate random.setstate
    decimal.setcontext decimal.getcontext locale.setlocale os.chdir os.putenv os.umask
    sys.setrecursionlimit sys.setswitchinterval signal.signal warnings.filterwarnings warnings.simplefilter
    logging.basicConfig logging.config socket.setdefaulttimeout multiprocessing.set_start_method gc.disable
    gc.enable gc.set_threshold builtins.setattr atexit.register codecs.register copyreg.pickle
    mimetypes.add_type sqlite3.register_adapter sqlite3.register_converter asyncio.set_event_loop_policy
    faulthandler.enable sys.set_int_max_str_digits
    """
)
"""Calls of the standard library that change something global, whatever is done with their result."""

HARMLESS = _names(
    """
    warnings.warn logging.debug logging.info logging.warning logging.error logging.exception logging.critical
    logging.log time.sleep sys.stdout sys.stderr sys.exit abc.update_abstractmethods tiphys
    """
)
"""Bare foreign calls that no result depends on."""

FRESH = _names(
    """
    defaultdict deque partial namedtuple count cycle field auto compile getLogger product chain islice
    perf_counter time monotonic lru_cache cache wraps
    """
)
"""Lower-case functions of the standard library that make a new object."""

PROCESSES = _names(
    """
    subprocess os.system os.popen os.fork os.forkpty os.posix_spawn os.posix_spawnp os.spawnl os.spawnle
    os.spawnlp os.spawnv os.spawnve os.spawnvp os.execl os.execle os.execlp os.execv os.execve os.execvp
    pty.spawn multiprocessing joblib sh plumbum concurrent.futures.ProcessPoolExecutor
    concurrent.futures.process asyncio.create_subprocess_exec asyncio.create_subprocess_shell asyncio.subprocess
    torch.multiprocessing loky pexpect invoke
    """
)

SOCKETS = _names(
    """
    socket socketserver ssl urllib.request http.client ftplib smtplib imaplib poplib telnetlib xmlrpc requests
    httpx httpcore aiohttp urllib3 websockets websocket boto3 botocore aiobotocore s3fs gcsfs adlfs google.cloud
    azure paramiko psycopg psycopg2 pymysql redis pymongo grpc kafka asyncio.open_connection
    asyncio.start_server openai anthropic huggingface_hub snowflake clickhouse_connect pyodbc elasticsearch
    """
)

_PASSIVE = _names("cpu_count current_process parent_process PIPE DEVNULL STDOUT gethostname getfqdn list2cmdline")

OUTSIDE = _names(
    """
    requests httpx aiohttp urllib.request urllib3 http.client socket sys.stdin subprocess os.popen fileinput
    """
)
"""Where a text comes from that neither code, inputs nor observed files hold; and the builtin `input`."""

PURE_BUILTINS = _names(
    """
    abs all any ascii bin bool bytearray bytes callable chr classmethod complex dict dir divmod enumerate filter
    float format frozenset getattr hasattr hash hex id int isinstance issubclass iter len list map max
    memoryview min next object oct ord pow print property range repr reversed round set slice sorted
    staticmethod str sum super tuple type vars zip
    """
)


def is_under(name: str, prefixes: Iterable[str]) -> bool:
    """Whether a dotted name is one of the prefixes or below one."""
    parts = name.split(".")
    known = prefixes if isinstance(prefixes, frozenset) else frozenset(prefixes)
    return any(".".join(parts[: i + 1]) in known for i in range(len(parts)))


def starts_processes(name: str) -> bool:
    return is_under(name, PROCESSES) and not _is_passive(name)


def opens_sockets(name: str) -> bool:
    return is_under(name, SOCKETS) and not _is_passive(name)


def _is_passive(name: str) -> bool:
    """Exceptions and questions about the machine, in libraries that otherwise act."""
    last = name.rpartition(".")[2]
    return last in _PASSIVE or last.endswith(
        ("Error", "Exception", "Timeout", "Expired", "Warning", "error", "timeout")
    )


def is_stdlib(name: str) -> bool:
    return name.partition(".")[0] in sys.stdlib_module_names


def is_third_party(name: str) -> bool:
    """Foreign, and neither the standard library nor Tiphys."""
    top = name.partition(".")[0]
    return top != "tiphys" and top not in sys.stdlib_module_names


def is_builtin(name: str) -> bool:
    return hasattr(builtins, name)
