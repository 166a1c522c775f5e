"""How much of this machine may be used."""

import contextlib
from pathlib import Path

CGROUP = Path(
    "/sys/fs/cgroup"
)  # of a container (cgroup 2): memory.max, 'max' if there is no limit, and memory.current, in bytes


def core_count() -> int:
    """Cores that the affinity and a container's quota (docker --cpus, Kubernetes' limits) leave."""
    from joblib import cpu_count  # 0.1 s

    return int(cpu_count())


def worker_count(tasks: int, bytes_each: int = 0) -> int:
    """How many of the `tasks` may run at once: one a core, and as many as fit into free memory; at least one."""
    import psutil  # 0.1 s

    free = psutil.virtual_memory().available
    with contextlib.suppress(OSError, ValueError):  # no container, no limit, or no Linux
        free = min(free, int((CGROUP / "memory.max").read_text()) - int((CGROUP / "memory.current").read_text()))
    fitting = free // bytes_each if bytes_each else tasks
    return max(1, min(tasks, core_count(), fitting))
