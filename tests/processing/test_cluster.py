"""Clip functions on a real Dask cluster: its processes share nothing with the project but the package."""

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from fitness_tracker.clips.folder import find_clips
from fitness_tracker.core.errors import UserError
from fitness_tracker.processing import cluster as cluster_module
from fitness_tracker.processing.process_clips import process_clips
from fitness_tracker.processing.result_cache import ResultCache, function_key
from fitness_tracker.video import ffmpeg
from fitness_tracker.video.ffmpeg import MachineError, resize_video
from tests.projects import ROOT, Undisturbed, digests, run

pytestmark = pytest.mark.slow
DASK = Path(sys.executable).with_name("dask")
# A clip function whose process is killed, as for want of memory.
DEADLY = """
import os
OUTPUT_VERSION = 1
def deadly(clip):
    os.kill(os.getpid(), 9)
"""


class Cluster:
    """A scheduler; workers come and go."""

    def __init__(self, folder: Path, *workers: str) -> None:
        """`workers` are --no-nanny or --nanny."""
        self.folder, self.processes = folder, []  # type: ignore[var-annotated]
        shutil.copytree(ROOT / "src", folder / "package")
        (folder / "package/deadly.py").write_text(DEADLY)
        file = folder / "scheduler.json"
        self.start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        self.workers = [
            self.start("worker", "--nthreads", "1", option, "--host", "127.0.0.1", "--scheduler-file", str(file))
            for option in workers
        ]
        from distributed import Client

        try:
            with Client(scheduler_file=str(file), set_as_default=False) as client:
                if workers:
                    client.wait_for_workers(len(workers), timeout=120)
                self.address = client.scheduler.address
        except BaseException:
            self.stop()
            raise

    def start(self, *command: str) -> psutil.Process:
        """A process of the cluster, in a folder of its own, where the package is and nothing of the project."""
        home = self.folder / str(len(self.processes))
        home.mkdir()
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(self.folder / "package")}
        environment["DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES"] = "1"
        with (home / "log").open("wb") as log:
            command = (str(DASK), *command, "--no-dashboard")
            self.processes.append(psutil.Popen(command, cwd=home, env=environment, stdout=log, stderr=log))
        return self.processes[-1]

    def stop(self) -> None:
        for process in reversed(self.processes):
            for each in [*process.children(recursive=True), process] if process.is_running() else []:
                each.kill()
            process.wait()


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster in which nobody dies."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), "--no-nanny", "--no-nanny")
    yield cluster.address
    cluster.stop()


@pytest.fixture
def start_cluster(tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    started: list[Cluster] = []

    def start(*workers: str) -> Cluster:
        started.append(Cluster(tmp_path / f"cluster{len(started)}", *workers))
        return started[-1]

    yield start
    for cluster in started:
        cluster.stop()


@pytest.fixture
def videos(tmp_path: Path, undisturbed: Undisturbed, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cluster_module, "NO_WORKER_TIMEOUT_S", 4)
    return Path(shutil.copytree(undisturbed.home / "data/videos", tmp_path / "videos"))


def resize_on(address: str, videos: Path, monkeypatch: pytest.MonkeyPatch, function: Callable = resize_video) -> Path:
    """The out of `resize`, or of another function, on the cluster, where bad clips are skipped."""
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", address)
    out, keywords = videos.parent / "out", {"fit": "pad"} if function is resize_video else {}
    cache = ResultCache(videos.parent / "cache")
    process_clips(partial(function, **keywords), find_clips(videos), out, ".mp4", "resize", cache, skip=True)
    return out


def test_a_cluster_gives_the_same_bytes_as_one_machine(
    undisturbed: Undisturbed, two_workers: str, tmp_path: Path
) -> None:
    remote = {"FITNESS_TRACKER_CACHE": str(tmp_path / "cache"), "DASK_SCHEDULER_ADDRESS": two_workers}
    done = run(undisturbed.home, *undisturbed.command("landmarks", tmp_path), **remote)  # resize: below
    assert done.returncode == 0, done.stderr
    assert "5 clips, 5 of them new" in done.stdout
    assert digests(tmp_path / "landmarks") == undisturbed.outs["landmarks"]


def test_a_bad_clip_on_a_worker_is_set_aside_as_here(
    videos: Path, two_workers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (videos / "squat/bad__1.mp4").write_text("no film")
    out = resize_on(two_workers, videos, monkeypatch)
    assert "squat/bad__1,resize,does not decode (it is no video file)" in (out / ".rejected.csv").read_text()


def test_a_note_of_a_worker_is_printed_here(
    videos: Path, two_workers: str, make_clip, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "testsrc=size=64x48:rate=10:duration=1,setpts='if(lt(N,5),PTS,PTS+3600/TB)'"
    (videos / "squat/jumps__1.mp4").write_bytes(make_clip("-f", "lavfi", "-i", source, "-fps_mode", "vfr"))
    resize_on(two_workers, videos, monkeypatch)
    assert "squat/jumps__1.mp4: its clock jumps ahead by 1.0 h" in capsys.readouterr().out


def test_a_worker_with_another_version_is_refused(
    videos: Path, two_workers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ffmpeg, "OUTPUT_VERSION", 99)
    function_key.cache_clear()
    with pytest.raises(MachineError, match="has another fitness-tracker, ffmpeg or library than here"):
        resize_on(two_workers, videos, monkeypatch)
    function_key.cache_clear()


def when_some_are_done(videos: Path, action: Callable[[], None]) -> None:
    """Calls it in another thread when the first clip is finished."""

    def wait() -> None:
        while not list((videos.parent / "out.partial").rglob("*.mp4")):
            time.sleep(0.005)
        action()

    threading.Thread(target=wait, daemon=True).start()


def test_a_worker_that_is_killed_changes_nothing_and_leaves_nobody(
    videos: Path, start_cluster: Callable[..., Cluster], undisturbed: Undisturbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, orphans = start_cluster("--no-nanny", "--no-nanny"), []

    def kill() -> None:
        orphans.extend(cluster.workers[0].children(recursive=True))
        cluster.workers[0].kill()

    when_some_are_done(videos, kill)
    assert digests(resize_on(cluster.address, videos, monkeypatch)) == undisturbed.outs["resize"]
    assert psutil.wait_procs(orphans, timeout=10)[1] == []


@pytest.mark.torture
def test_the_only_worker_that_is_killed_and_started_again_by_its_nanny_goes_on(
    videos: Path, start_cluster: Callable[..., Cluster], undisturbed: Undisturbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "NO_WORKER_TIMEOUT_S", 30)
    cluster = start_cluster("--nanny")
    (victim,) = (each for each in cluster.workers[0].children() if "spawn_main" in " ".join(each.cmdline()))
    when_some_are_done(videos, victim.kill)
    assert digests(resize_on(cluster.address, videos, monkeypatch)) == undisturbed.outs["resize"]


def test_when_no_worker_is_left_the_stage_fails_and_what_is_done_is_kept(
    videos: Path, start_cluster: Callable[..., Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = start_cluster("--no-nanny")
    when_some_are_done(videos, lambda: cluster.workers[0].send_signal(signal.SIGKILL))
    with pytest.raises(MachineError, match="no Dask worker is left"):
        resize_on(cluster.address, videos, monkeypatch)
    assert list((videos.parent / "cache").rglob("*-*"))


def test_a_clip_that_workers_die_of_is_not_skipped(
    tmp_path: Path, start_cluster: Callable[..., Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its death may be the machine's fault; it used to be set aside as a bad clip."""
    cluster = start_cluster("--no-nanny", "--no-nanny")
    monkeypatch.syspath_prepend(str(cluster.folder / "package"))
    import deadly

    (tmp_path / "videos/squat").mkdir(parents=True)
    (tmp_path / "videos/squat/a__1.mp4").write_bytes(b"a deadly clip")
    with pytest.raises(MachineError, match=r"squat/a__1\.mp4: every Dask worker that took it died"):
        resize_on(cluster.address, tmp_path / "videos", monkeypatch, deadly.deadly)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://x"])
def test_a_scheduler_that_does_not_answer_is_reported(
    videos: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=f"^DASK_SCHEDULER_ADDRESS={address}: no scheduler answers"):
        resize_on(address, videos, monkeypatch)


def test_a_scheduler_without_workers_is_reported(
    videos: Path, start_cluster: Callable[..., Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="has no worker"):
        resize_on(start_cluster().address, videos, monkeypatch)
