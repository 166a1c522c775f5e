"""The stages on a real Dask cluster: a scheduler and workers that share nothing with the project but the package."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from conftest import ROOT, run
from test_remote import digests

pytestmark = pytest.mark.slow
SCRIPT = Path(sys.executable).with_name("dask")


class Cluster:
    """A scheduler; workers come and go."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.workers = folder, []  # type: ignore[var-annotated]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
        port = self.address.rsplit(":", 1)[1]
        options = ("--host", "127.0.0.1", "--port", port, "--no-dashboard")
        self.scheduler = self.start("scheduler", *options)

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """A process of the cluster, in a folder of its own, where the package is and nothing of the project."""
        home = self.folder / f"{command[0]}{len(self.workers)}"
        shutil.copytree(ROOT / "src", home / "package")
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(home / "package")}
        with (home / "log").open("wb") as log:
            return subprocess.Popen([SCRIPT, *command], cwd=home, env=environment, stdout=log, stderr=log)

    def add_worker(self, *more: str) -> subprocess.Popen[bytes]:
        options = ("--nthreads", "1", "--no-dashboard", *(more or ["--no-nanny"]), "--host", "127.0.0.1")
        self.workers.append(self.start("worker", self.address, *options))
        return self.workers[-1]

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path / "cluster")
    yield cluster
    cluster.stop()


@pytest.fixture
def filled(project: Path, drawn: Path) -> Path:
    shutil.copytree(drawn / "videos", project / "data/videos")
    return project


def stage(project: Path, name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(project, sys.executable, "-m", f"stages.{name}", *arguments, **environment)


def wait_for(cluster: Cluster, workers: int) -> None:
    from distributed import Client

    with Client(cluster.address, set_as_default=False) as client:
        client.wait_for_workers(workers, timeout=60)


def test_a_cluster_gives_the_same_bytes_as_one_machine(filled: Path, cluster: Cluster, networks_folder: Path) -> None:
    for _ in range(2):
        cluster.add_worker()
    wait_for(cluster, 2)
    for place, environment in (
        ("alone", {"FITNESS_TRACKER_CACHE": str(filled / "memo1")}),
        ("far", {"FITNESS_TRACKER_CACHE": str(filled / "memo2"), "DASK_SCHEDULER_ADDRESS": cluster.address}),
    ):
        for name, arguments in (
            ("resize", ("data/videos", f"{place}/resized")),
            ("extract", (f"{place}/resized", f"{place}/frames")),
            ("landmarks", (f"{place}/frames", str(networks_folder), f"{place}/landmarks", f"{place}/metrics")),
        ):
            done = stage(filled, name, *arguments, **environment)
            assert done.returncode == 0, done.stderr
            assert "18 of them new" in done.stdout
    assert digests(filled / "far") == digests(filled / "alone")
    assert len(digests(filled / "far")) == 3 * 18 + 1


def test_a_bad_clip_on_a_worker_is_told_as_here(filled: Path, cluster: Cluster) -> None:
    (filled / "data/videos/squat/bad__1.mp4").write_text("no film")
    cluster.add_worker()
    wait_for(cluster, 1)
    far = {"FITNESS_TRACKER_CACHE": str(filled / "memo"), "DASK_SCHEDULER_ADDRESS": cluster.address}
    done = stage(filled, "resize", "data/videos", "data/resized", **far)
    assert done.returncode == 1
    assert "1 of 19 clips failed" in done.stderr
    assert "bad__1.mp4: does not decode (it is no video file)" in done.stderr
    assert "Traceback" not in done.stderr


def start_stage(project: Path, address: str) -> subprocess.Popen[str]:
    environment = os.environ | {
        "PYTHONPATH": str(project / "src"), "DASK_SCHEDULER_ADDRESS": address,
        "FITNESS_TRACKER_CACHE": str(project / "memo"),
    }  # fmt: skip
    command = [sys.executable, "-m", "stages.resize", "data/videos", "data/resized"]
    return subprocess.Popen(
        command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_until_some_are_done(project: Path) -> None:
    end = time.monotonic() + 60
    while len(list((project / "data/resized.partial").rglob("*.mp4"))) < 2:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_worker_that_is_killed_changes_nothing(filled: Path, cluster: Cluster) -> None:
    victim = cluster.add_worker()
    cluster.add_worker()
    wait_for(cluster, 2)
    running = start_stage(filled, cluster.address)
    wait_until_some_are_done(filled)
    victim.send_signal(signal.SIGKILL)
    told, failed = running.communicate(timeout=120)
    assert running.returncode == 0, failed
    assert "18 clips" in told
    alone = stage(filled, "resize", "data/videos", "alone", FITNESS_TRACKER_CACHE=str(filled / "other"))
    assert alone.returncode == 0
    assert digests(filled / "data/resized") == digests(filled / "alone")


def test_the_only_worker_that_is_killed_and_started_again_by_its_nanny_goes_on(filled: Path, cluster: Cluster) -> None:
    nanny = cluster.add_worker("--nanny")
    wait_for(cluster, 1)
    running = start_stage(filled, cluster.address)
    wait_until_some_are_done(filled)
    (victim,) = (one for one in psutil.Process(nanny.pid).children() if "spawn_main" in " ".join(one.cmdline()))
    victim.kill()
    told, failed = running.communicate(timeout=120)
    assert running.returncode == 0, failed
    assert "18 clips" in told


def test_a_worker_with_other_code_is_refused(filled: Path, cluster: Cluster) -> None:
    cluster.add_worker()
    wait_for(cluster, 1)
    with (filled / "src/fitness_tracker/video.py").open("a") as file:
        file.write("# a newer version\n")
    far = {"FITNESS_TRACKER_CACHE": str(filled / "memo"), "DASK_SCHEDULER_ADDRESS": cluster.address}
    done = stage(filled, "resize", "data/videos", "data/resized", **far)
    assert done.returncode == 1
    assert "has another fitness-tracker, ffmpeg or library than here" in done.stderr
    assert "Traceback" not in done.stderr


def test_when_no_worker_is_left_it_is_told_and_what_is_done_is_kept(filled: Path, cluster: Cluster) -> None:
    victim = cluster.add_worker()
    wait_for(cluster, 1)
    running = start_stage(filled, cluster.address)
    wait_until_some_are_done(filled)
    victim.send_signal(signal.SIGKILL)
    start = time.monotonic()
    _, failed = running.communicate(timeout=120)
    assert time.monotonic() - start < 90
    assert running.returncode == 1
    assert "no Dask worker is left" in failed
    assert "Traceback" not in failed
    alone = stage(filled, "resize", "data/videos", "data/resized", FITNESS_TRACKER_CACHE=str(filled / "memo"))
    assert alone.returncode == 0
    assert "18 of them new" not in alone.stdout


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://x"])
def test_a_scheduler_that_does_not_answer_is_told(filled: Path, address: str) -> None:
    start = time.monotonic()
    done = stage(filled, "resize", "data/videos", "data/resized", DASK_SCHEDULER_ADDRESS=address)
    assert time.monotonic() - start < 60
    assert done.returncode == 1
    assert done.stderr.startswith(f"resize: DASK_SCHEDULER_ADDRESS={address}: no scheduler answers")
    assert "Traceback" not in done.stderr


def test_a_scheduler_without_workers_is_told(filled: Path, cluster: Cluster) -> None:
    done = stage(filled, "resize", "data/videos", "data/resized", DASK_SCHEDULER_ADDRESS=cluster.address)
    assert done.returncode == 1
    assert "has no worker" in done.stderr
