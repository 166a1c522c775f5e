"""How much of this machine may be used."""

import contextlib
import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")  # of a container
QUOTA_FILES = (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"))  # of cgroup 2, and of cgroup 1


def core_count() -> int:
    """Cores that the affinity, a container's quota (docker --cpus, Kubernetes' limits) and LOKY_MAX_CPU_COUNT leave.

    As joblib counts them, whose import takes 0.2 s.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1  # macOS has none
    wanted = os.environ.get("LOKY_MAX_CPU_COUNT", "")
    return max(1, min(cores, container_quota(), int(wanted) if wanted.isdecimal() else cores))


def container_quota() -> int:
    """Cores that the container may use, a part of one as a whole; many if there is no container, no limit, no Linux."""
    for names in QUOTA_FILES:
        with contextlib.suppress(OSError, ValueError):  # 'max' or -1: no limit
            quota, period = " ".join((CGROUP / name).read_text() for name in names).split()
            if int(quota) > 0:
                return math.ceil(int(quota) / int(period))
    return 2**16


def worker_count(tasks: int, bytes_each: int = 0) -> int:
    """How many `tasks` of `bytes_each` may run at once: one a core, as far as free memory goes; at least one."""
    import psutil  # 0.1 s

    free = psutil.virtual_memory().available
    with contextlib.suppress(OSError, ValueError, KeyError):  # no container, no limit ('max'), or no Linux
        limit = int((CGROUP / "memory.max").read_text())
        used = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
        free = min(free, limit - int(used["anon"]))  # what files take in memory makes room by itself
    fitting = free // bytes_each if bytes_each else tasks
    return max(1, min(tasks, core_count(), fitting))
