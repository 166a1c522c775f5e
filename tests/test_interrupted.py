"""Stages stopped at random moments, in every way: nothing stays behind, and the next run ends with the same bytes."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest
from conftest import WITHOUT_ROOTS_RIGHTS, make_project, processes_of, run
from test_cluster import Cluster, wait_for
from test_remote import digests

pytestmark = pytest.mark.slow
STAGES = ("resize", "extract", "landmarks")
MOMENTS = 10


class Calm:
    """A project whose stages have run undisturbed: their sources, their outs, and the seconds they took."""

    def __init__(self, home: Path, videos: Path, networks: Path) -> None:
        self.home, self.networks = home, networks
        self.sources = {"resize": videos, "extract": home / "calm/resize", "landmarks": home / "calm/extract"}
        self.outs, self.seconds = {}, {}
        for stage in STAGES:
            start = time.monotonic()
            done = run(home, *self.command(stage, home / "calm"), FITNESS_TRACKER_CACHE=str(home / "memo"))
            assert done.returncode == 0, done.stderr
            self.seconds[stage] = time.monotonic() - start
            self.outs[stage] = digests(home / "calm" / stage)

    def command(self, stage: str, place: Path) -> list[str]:
        more = {"landmarks": [str(self.networks), str(place / stage), str(place / "metrics")]}
        arguments = [str(self.sources[stage]), *more.get(stage, [str(place / stage)])]
        return [sys.executable, "-m", f"stages.{stage}", *arguments]


@pytest.fixture(scope="module")
def calm(drawn: Path, networks_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Calm:
    home = tmp_path_factory.mktemp("calm")
    shutil.copytree(drawn / "videos", home / "videos", ignore=shutil.ignore_patterns("person0[3-6]*"))
    return Calm(make_project(home / "project"), home / "videos", networks_folder)


def start(calm: Calm, command: list[str], place: Path, inside: Path, **more: str) -> subprocess.Popen[str]:
    """A stage at work in `place`, which it sees as `inside`; the leader of a group of processes, as from a terminal."""
    for folder in ("memo", "tmp"):
        (place / folder).mkdir(exist_ok=True)
    own = {"FITNESS_TRACKER_CACHE": str(inside / "memo"), "TMPDIR": str(inside / "tmp")}
    return subprocess.Popen(
        command,
        cwd=calm.home,
        env=os.environ | {"PYTHONPATH": str(calm.home / "src")} | own | more,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


Trouble = Callable[[subprocess.Popen[str], Path], None]


def troubled(
    calm: Calm,
    folder: Path,
    trouble: Trouble,
    over: Callable[[Path], None],
    within: Sequence[str] = (),
    root: Path = Path("/"),
) -> str:
    """Runs the stages, in turn, into `trouble` at random moments, and again when it is `over`; what they said of it.

    `within` goes before their command, `root` is where their files are seen from here.
    """
    moments, told = random.Random(trouble.__name__), []
    for number in range(MOMENTS):
        stage, inside = STAGES[number % len(STAGES)], folder / str(number)
        place = root / inside.relative_to("/")
        place.mkdir()
        if number % 2:  # an earlier out is there, and whole as long as it is
            shutil.copytree(calm.home / "calm" / stage, place / stage)
        running = start(calm, [*within, *calm.command(stage, inside)], place, inside)
        time.sleep(moments.uniform(0.1, 0.8) * calm.seconds[stage])
        trouble(running, place)
        _, errors = running.communicate(timeout=120)
        assert psutil.wait_procs(processes_of(inside / "tmp"), timeout=10)[1] == []
        if running.returncode:
            told.append(errors)
        assert not (place / stage).exists() or digests(place / stage) == calm.outs[stage]
        over(place)
        again = start(calm, [*within, *calm.command(stage, inside)], place, inside)
        _, errors = again.communicate(timeout=120)
        assert again.returncode == 0, errors
        assert digests(place / stage) == calm.outs[stage]
        assert {path.name for path in place.iterdir()} - {"metrics"} == {stage, "memo", "tmp"}
        assert list((place / "tmp").iterdir()) == []
        shutil.rmtree(place)
    assert len(told) >= MOMENTS / 2  # the others had ended before
    return "".join(told)


def nothing(place: Path) -> None:
    pass


def test_a_stage_that_is_killed(calm: Calm, tmp_path: Path) -> None:
    def kill(running: subprocess.Popen[str], place: Path) -> None:
        running.kill()

    troubled(calm, tmp_path, kill, nothing)


def test_a_stage_that_is_stopped_by_ctrl_c(calm: Calm, tmp_path: Path) -> None:
    def interrupt(running: subprocess.Popen[str], place: Path) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGINT)  # as a terminal does: all its processes get it

    said = troubled(calm, tmp_path, interrupt, nothing)
    assert "stopped; what is finished is kept" in said


def test_a_folder_that_becomes_read_only(calm: Calm, tmp_path: Path) -> None:
    def set_mode(place: Path, mode: int) -> None:
        for folder in (place, *place.rglob("*.partial/**/")):
            folder.chmod(mode)

    def forbid(running: subprocess.Popen[str], place: Path) -> None:
        set_mode(place, 0o555)

    def allow(place: Path) -> None:
        set_mode(place, 0o755)

    said = troubled(calm, tmp_path, forbid, allow, WITHOUT_ROOTS_RIGHTS)
    assert "Permission denied" in said
    assert "Traceback" not in said


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Root of a namespace where `tmp_path` is a disk of 64 MiB; for that nobody need be root."""
    mount = f"mount -t tmpfs -o size=64m none '{tmp_path}' && echo ready && exec cat"
    with subprocess.Popen(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", mount], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdin
        assert holder.stdout
        if holder.stdout.readline() != b"ready\n":
            pytest.skip("this system lets nobody make a namespace")
        yield Path(f"/proc/{holder.pid}/root")
        holder.stdin.close()


def test_a_disk_that_becomes_full(calm: Calm, tmp_path: Path, small_disk: Path) -> None:
    def fill(running: subprocess.Popen[str], place: Path) -> None:
        with (place / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(2**20)):
                pass

    def clear(place: Path) -> None:
        (place / "filler").unlink()

    within = ["nsenter", "--target", small_disk.parent.name, "--user", "--mount", "--preserve-credentials"]
    said = troubled(calm, tmp_path, fill, clear, [*within, f"--wdns={calm.home}"], small_disk)
    assert "No space left on device" in said
    assert "Traceback" not in said


def test_a_worker_that_is_killed(calm: Calm, tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "cluster")
    try:
        cluster.add_worker()
        moments = random.Random(0)
        for number in range(MOMENTS):
            stage, place = STAGES[number % len(STAGES)], tmp_path / str(number)
            place.mkdir()
            victim = cluster.add_worker()
            wait_for(cluster, 2)
            running = start(calm, calm.command(stage, place), place, place, DASK_SCHEDULER_ADDRESS=cluster.address)
            time.sleep(moments.uniform(0.3, 1.3) * calm.seconds[stage])
            at_work = psutil.Process(victim.pid).children(recursive=True)
            victim.kill()
            assert psutil.wait_procs(at_work, timeout=10)[1] == []
            _, errors = running.communicate(timeout=120)
            assert running.returncode == 0, errors
            assert digests(place / stage) == calm.outs[stage]
    finally:
        cluster.stop()
