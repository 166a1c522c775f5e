"""How much of this machine may be used."""

import contextlib
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")  # of a container (cgroup 2)


def core_count() -> int:
    """Cores that the affinity and a container's quota (docker --cpus, Kubernetes' limits) leave."""
    from joblib import cpu_count  # 0.1 s

    return int(cpu_count())


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
