import os
from collections import namedtuple

import joblib
import psutil
import pytest

from fitness_tracker.core import machine
from fitness_tracker.core.machine import core_count, worker_count

GB = 10**9
Memory = namedtuple("Memory", "available")


@pytest.fixture
def big_machine(monkeypatch: pytest.MonkeyPatch, tmp_path) -> pytest.MonkeyPatch:
    """64 cores, of which a quota leaves 8, and 100 GB of memory."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.delenv("LOKY_MAX_CPU_COUNT", raising=False)
    (tmp_path / "cpu.max").write_text("750000 100000\n")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(100 * GB))
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    return monkeypatch


def test_a_quota_of_cores_counts_whatever_the_affinity_says(big_machine) -> None:
    assert [worker_count(tasks) for tasks in (1, 5, 10)] == [1, 5, 8]


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "max 100000\n"}, 64),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({}, 64),
        ({"cpu/cpu.cfs_quota_us": "250000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 64),
    ],
)
def test_quotas_of_both_kinds_of_containers_count(big_machine, files: dict[str, str], cores: int) -> None:
    (machine.CGROUP / "cpu.max").unlink()
    for name, content in files.items():
        (machine.CGROUP / name).parent.mkdir(exist_ok=True)
        (machine.CGROUP / name).write_text(content)
    assert core_count() == cores


def test_fewer_cores_can_be_asked_for(big_machine) -> None:
    big_machine.setenv("LOKY_MAX_CPU_COUNT", "3")
    assert worker_count(10) == 3


def test_as_many_cores_are_counted_as_joblib_counts() -> None:
    assert core_count() == joblib.cpu_count()


def test_where_there_is_no_affinity_nothing_fails(big_machine) -> None:
    big_machine.delattr(os, "sched_getaffinity", raising=False)  # macOS
    assert worker_count(10) == 8


@pytest.mark.parametrize(("limit", "workers"), [(None, 8), ("max", 8), (str(5 * GB), 3), (str(GB), 1)])
def test_as_many_as_fit_into_the_memory_of_the_container(big_machine, limit: str | None, workers: int) -> None:
    if limit:
        (machine.CGROUP / "memory.max").write_text(limit)
        (machine.CGROUP / "memory.stat").write_text(f"anon {2 * GB}\nfile {9 * GB}\n")
    assert worker_count(10, bytes_each=GB) == workers
