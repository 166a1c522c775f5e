"""Where a clip function runs: on this machine's cores, or on the workers of a Dask cluster.

With `$DASK_SCHEDULER_ADDRESS` the function runs on the workers of that Dask cluster. Bytes travel with the tasks: a
worker needs this package, and neither the project nor a disk that is shared.
"""

import contextlib
import functools
import os
import platform
from collections.abc import Callable, Iterator
from typing import Any

from fitness_tracker.core.errors import UserError
from fitness_tracker.processing.result_cache import function_key
from fitness_tracker.video.ffmpeg import MachineError

PATIENCE = 30  # seconds without any worker


class ClusterError(MachineError):
    """The cluster is gone or of no use; no clip is to blame, and trying again would not help."""


@contextlib.contextmanager
def workers(function: functools.partial, code: str) -> Iterator[tuple[int, Callable[[bytes], bytes]]]:
    """(how many clips at once, what to call for each): the function here, or on the workers of a Dask cluster."""
    address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    if not address:
        from joblib import cpu_count

        yield cpu_count(), function
        return
    from distributed import Client
    from distributed.comm import resolve_address

    try:
        resolve_address(address)
        client = Client(address, timeout=PATIENCE // 4, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise UserError(f"DASK_SCHEDULER_ADDRESS={address}: no scheduler answers ({error})") from None
    with client:
        cores = sum(client.nthreads().values())
        if not cores:
            raise UserError(f"{address}: the scheduler has no worker; start some: dask worker {address}")
        # Sent once, for it may hold networks; Dask recomputes it if its worker dies.
        remote = client.submit(functools.partial, function.func, **function.keywords, pure=False)
        # Twice as many clips as cores: while one travels another is worked on.
        yield 2 * cores, functools.partial(run_on_worker, client, remote, code)


def run_on_worker(client: Any, function: Any, code: str, source: bytes) -> bytes:
    """`function(source)` on a worker; raises `ClusterError` when no worker is left, or one after another dies of it.

    Dask itself gives the clip of a worker that died to another, `distributed.scheduler.allowed-failures` times (3).
    """
    from distributed import CancelledError, KilledWorker

    task = client.submit(run_verified, function, code, source, pure=False)
    while True:
        try:
            return task.result(timeout=PATIENCE)
        except TimeoutError:  # it may be a long clip
            if client.nthreads():
                continue
        except KilledWorker:
            raise ClusterError("every Dask worker that took it died; give workers more memory") from None
        except CancelledError:
            pass
        raise ClusterError("no Dask worker is left, or the scheduler has gone") from None


def run_verified(function: functools.partial, code: str, source: bytes) -> bytes:
    """`function(source)`; raises `ClusterError` if this machine would make something else of it."""
    if function_key(function) != code:
        raise ClusterError(
            f"the Dask worker on {platform.node()} has another fitness-tracker, ffmpeg or library than here"
        )
    return function(source)
