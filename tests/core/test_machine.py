import os
from collections import namedtuple

import joblib
import psutil
import pytest

from fitness_tracker.core import machine
from fitness_tracker.core.machine import worker_count

GB = 10**9
Memory = namedtuple("Memory", "available")


@pytest.fixture
def big_machine(monkeypatch: pytest.MonkeyPatch, tmp_path) -> pytest.MonkeyPatch:
    """64 cores by the affinity, of which a quota leaves 8, and 100 GB of memory."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    monkeypatch.setattr(joblib, "cpu_count", lambda: 8)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(100 * GB))
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    return monkeypatch


def test_a_quota_of_cores_counts_whatever_the_affinity_says(big_machine) -> None:
    assert [worker_count(tasks) for tasks in (1, 5, 10)] == [1, 5, 8]


def test_where_there_is_no_affinity_nothing_fails(big_machine) -> None:
    big_machine.delattr(os, "sched_getaffinity", raising=False)  # macOS
    assert worker_count(10) == 8


@pytest.mark.parametrize(("limit", "workers"), [(None, 8), ("max", 8), (str(5 * GB), 3), (str(GB), 1)])
def test_as_many_as_fit_into_the_memory_of_the_container(big_machine, limit: str | None, workers: int) -> None:
    if limit:
        (machine.CGROUP / "memory.max").write_text(limit)
        (machine.CGROUP / "memory.stat").write_text(f"anon {2 * GB}\nfile {9 * GB}\n")
    assert worker_count(10, bytes_each=GB) == workers
