"""Stages stopped in every way: nothing stays behind, and the next run ends with the same bytes."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from tests.projects import WITHOUT_ROOTS_RIGHTS, Undisturbed, digests, processes_of

pytestmark = pytest.mark.slow
TORTURE = int(os.environ.get("TORTURE", "30"))  # random moments a trouble
STAGES = Undisturbed.STAGES
Trouble = Callable[[subprocess.Popen[str], Path], None]


def moments(*stages: str) -> pytest.MarkDecorator:
    """Runs a test at one moment in each of the stages, or as torture at many."""
    many = [STAGES[number % len(STAGES)] for number in range(TORTURE)]
    return pytest.mark.parametrize("stages", [stages, pytest.param(many, marks=pytest.mark.torture, id="torture")])


def start(calm: Undisturbed, command: list[str], place: Path, inside: Path) -> subprocess.Popen[str]:
    """A stage at work in `place`, which it sees as `inside`; the leader of a group of processes, as from a terminal."""
    for folder in ("cache", "tmp"):
        (place / folder).mkdir(exist_ok=True)
    own = {"FITNESS_TRACKER_CACHE": str(inside / "cache"), "TMPDIR": str(inside / "tmp")}
    return subprocess.Popen(
        command,
        cwd=calm.home,
        env=os.environ | {"PYTHONPATH": str(calm.home / "src"), "LOKY_MAX_CPU_COUNT": "1"} | own,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until_at_work(running: subprocess.Popen[str], staged: Path) -> None:
    """Until the first clip is finished, and some moment more."""
    while running.poll() is None and not any(path.is_file() for path in staged.rglob("*.*")):
        time.sleep(0.005)
    time.sleep(random.random() * 0.05)


def disturb(
    calm: Undisturbed,
    folder: Path,
    stages: Sequence[str],
    trouble: Trouble,
    cure: Callable[[Path], None] = lambda place: None,
    within: Sequence[str] = (),
    root: Path = Path("/"),
) -> str:
    """Runs the stages into `trouble`, and again after the `cure`; returns their stderr.

    `within` goes before their command, `root` is where their files are seen from here.
    """
    errors = []
    for number, stage in enumerate(stages):
        inside = folder / str(number)
        place = root / inside.relative_to("/")
        place.mkdir()
        if number % 2:  # an earlier out is there, and whole as long as it is
            shutil.copytree(calm.home / "calm" / stage, place / stage)
        running = start(calm, [*within, *calm.command(stage, inside)], place, inside)
        wait_until_at_work(running, place / f"{stage}.partial")
        trouble(running, place)
        errors.append(running.communicate(timeout=120)[1])
        assert psutil.wait_procs(processes_of(inside / "tmp"), timeout=10)[1] == []
        assert not (place / stage).exists() or digests(place / stage) == calm.outs[stage]
        cure(place)
        again = start(calm, [*within, *calm.command(stage, inside)], place, inside)
        _, error = again.communicate(timeout=120)
        assert again.returncode == 0, error
        assert digests(place / stage) == calm.outs[stage]
        assert {path.name for path in place.iterdir()} - {"metrics"} == {stage, "cache", "tmp"}
        assert list((place / "tmp").iterdir()) == []
        shutil.rmtree(place)
    assert "Traceback" not in "".join(errors)
    return "".join(errors)


@moments("resize", "landmarks")
def test_a_stage_that_is_killed(undisturbed: Undisturbed, tmp_path: Path, stages: Sequence[str]) -> None:
    disturb(undisturbed, tmp_path, stages, lambda running, place: running.kill())


@moments("resize")
def test_a_stage_that_is_stopped_by_ctrl_c(undisturbed: Undisturbed, tmp_path: Path, stages: Sequence[str]) -> None:
    def interrupt(running: subprocess.Popen[str], place: Path) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGINT)  # as a terminal does: all its processes get it

    assert "stopped; what is finished is kept" in disturb(undisturbed, tmp_path, stages, interrupt)


@moments("extract")
def test_a_folder_that_becomes_read_only(undisturbed: Undisturbed, tmp_path: Path, stages: Sequence[str]) -> None:
    def set_mode(place: Path, mode: int) -> None:
        for folder in (place, *place.rglob("*.partial/**/")):
            folder.chmod(mode)

    def forbid(running: subprocess.Popen[str], place: Path) -> None:
        set_mode(place, 0o555)

    def allow(place: Path) -> None:
        set_mode(place, 0o755)

    assert "Permission denied" in disturb(undisturbed, tmp_path, stages, forbid, allow, WITHOUT_ROOTS_RIGHTS)


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


@moments("resize")
def test_a_disk_that_becomes_full(
    undisturbed: Undisturbed, tmp_path: Path, small_disk: Path, stages: Sequence[str]
) -> None:
    def fill(running: subprocess.Popen[str], place: Path) -> None:
        with (place / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(2**20)):
                pass

    def clear(place: Path) -> None:
        (place / "filler").unlink()

    within = ["nsenter", "--target", small_disk.parent.name, "--user", "--mount", "--preserve-credentials"]
    within += [f"--wdns={undisturbed.home}"]
    assert "No space left on device" in disturb(undisturbed, tmp_path, stages, fill, clear, within, small_disk)
