"""Where a clip function runs: on this machine, or on the Dask cluster whose scheduler is `$DASK_SCHEDULER_ADDRESS`.

Clips and results travel as bytes, so a worker needs this package, but neither the project nor a shared disk.
"""

import contextlib
import functools
import os
import platform
from collections.abc import Callable, Iterator
from typing import Any

from fitness_tracker.core.errors import UserError
from fitness_tracker.core.machine import core_count
from fitness_tracker.processing.result_cache import function_key
from fitness_tracker.video.ffmpeg import MachineError, NotedBytes, note_of

NO_WORKER_TIMEOUT_S = 30


class ClusterError(MachineError):
    """The cluster is gone or cannot be used; no clip is to blame, and trying again would not help."""


@contextlib.contextmanager
def workers(function: functools.partial, code: str) -> Iterator[tuple[int, Callable[[bytes], bytes]]]:
    """(number of clips to process at once, function to call with the bytes of each); `code` is the `function_key`."""
    address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    if not address:
        yield core_count(), function
        return
    from distributed import Client
    from distributed.comm import resolve_address

    try:
        resolve_address(address)
        client = Client(address, timeout=NO_WORKER_TIMEOUT_S // 4, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise UserError(f"DASK_SCHEDULER_ADDRESS={address}: no scheduler answers ({error})") from None
    with client:
        cores = sum(client.nthreads().values())
        if not cores:
            raise UserError(f"{address}: the scheduler has no worker; start some: dask worker {address}")
        # Sent once, as it may hold networks; if its worker dies, Dask sends it to another.
        remote = client.submit(functools.partial, function.func, **function.keywords, pure=False)
        # Twice as many clips as cores: while one is processed, the next one travels.
        yield 2 * cores, functools.partial(run_on_worker, client, remote, code)


def run_on_worker(client: Any, function: Any, code: str, source: bytes) -> bytes:
    """`function(source)` on a worker; raises `ClusterError` if no worker is left, or this clip kills several.

    Dask retries the clip of a worker that died on others, `distributed.scheduler.allowed-failures` times (3).
    """
    from distributed import CancelledError, KilledWorker

    task = client.submit(run_verified, function, code, source, pure=False)
    while True:
        try:
            output, note = task.result(timeout=NO_WORKER_TIMEOUT_S)
            return NotedBytes(output, note) if note else output
        except TimeoutError:  # perhaps a long clip
            if client.nthreads():
                continue
        except KilledWorker:
            raise ClusterError("every Dask worker that took it died; give workers more memory") from None
        except CancelledError:
            pass
        raise ClusterError("no Dask worker is left, or the scheduler has gone") from None


def run_verified(function: functools.partial, code: str, source: bytes) -> tuple[bytes, str]:
    """`function(source)`, and its note, which Dask would lose.

    Raises `ClusterError` if this machine's software would give other bytes.
    """
    if function_key(function) != code:
        raise ClusterError(
            f"the Dask worker on {platform.node()} has another fitness-tracker, ffmpeg or library than here"
        )
    output = function(source)
    return output, note_of(output)
