"""What the tests of several rooms need: clips, drawn people, the pose networks, and projects to run commands in."""

from fitness_tracker.core import environment as environment  # isort: split

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from imageio_ffmpeg import get_ffmpeg_exe

from fitness_tracker.blazepose.networks import read_networks
from fitness_tracker.video.ffmpeg import read_frames
from tests.chain import find_all_landmarks
from tests.projects import ROOT, Undisturbed, copy_project, make_project, make_stand_in_project, render, run

sys.path += [str(ROOT / folder) for folder in ("pretrained", "sample", "benchmarks", "storage", "web")]
# The programs of the environment that runs the tests come first, for `dvc` and for the `python` of its stages.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in a background may have been told to ignore it

settings.register_profile("unhurried", deadline=None, max_examples=60)
settings.load_profile("unhurried")

# Fixtures that take many seconds, or whose tests do
SLOW = {"circling", "drawn", "drawn_landmarks", "ran", "repository", "stand_in", "taught", "undisturbed", "workshop"}

MakeOnce = Callable[[str, Callable[[Path], object]], Path]


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not SLOW.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("slow")


@pytest.fixture(scope="session")
def make_once(tmp_path_factory: pytest.TempPathFactory) -> MakeOnce:
    """make_once(name, make) -> a folder that make(folder) has filled: once, for all processes that run these tests."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def folder_of(name: str, make: Callable[[Path], object]) -> Path:
        folder, done = shared / name, shared / f"{name}.done"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)  # of a process in which `make` failed
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    return folder_of


@pytest.fixture(scope="session", autouse=True)
def memo_of_its_own(make_once: MakeOnce) -> None:
    """Nothing that the tests find was computed, or enrolled, before they began."""
    os.environ["FITNESS_TRACKER_CACHE"] = str(make_once("memo", lambda folder: None))
    os.environ["XDG_DATA_HOME"] = str(make_once("data", lambda folder: None))


@pytest.fixture(scope="session")
def make_clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """make_clip(*ffmpeg arguments, suffix) -> the bytes of a clip; the default is 1 s of a moving test picture."""

    def make(*arguments: str, suffix: str = ".mp4") -> bytes:
        path = tmp_path_factory.mktemp("clip") / f"clip{suffix}"
        source = arguments or ("-f", "lavfi", "-i", "testsrc=size=320x240:rate=30:duration=1")
        subprocess.run([get_ffmpeg_exe(), "-loglevel", "error", *source, str(path)], check=True)
        return path.read_bytes()

    return make


@pytest.fixture(scope="session")
def drawn(make_once: MakeOnce) -> Path:
    """A folder with `videos` of six invented people, three exercises each, and `truth.csv`."""
    what = ("--people", "6", "--exercises", "jumping_jack", "plank", "squat")
    return make_once("drawn", lambda folder: render(folder, *what))


@pytest.fixture(scope="session")
def networks_folder(make_once: MakeOnce) -> Path:
    """The project's own pose networks, or, where they are not here yet, fetched ones."""
    import fetch

    folder = ROOT / "pretrained" / "models"
    if not folder.is_dir():
        folder = make_once("pretrained", lambda shared: fetch.fetch(shared / "models")) / "models"
    return folder


@pytest.fixture(scope="session")
def vendored(make_once: MakeOnce) -> None:
    """What the page is made of besides our own files, fetched where it is not there yet."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed: the page is not tested")
    import fetch_packages

    folder = ROOT / "web/vendor"
    make_once("vendored", lambda _: None if folder.is_dir() else fetch_packages.fetch(folder))


@pytest.fixture(scope="session")
def networks(networks_folder: Path) -> dict[str, bytes]:
    return read_networks(networks_folder)


@pytest.fixture(scope="session")
def drawn_landmarks(drawn: Path, networks: dict[str, bytes], make_once: MakeOnce) -> Path:
    """A folder with the landmarks of the drawn people."""
    made = make_once("drawn_landmarks", lambda folder: find_all_landmarks(drawn / "videos", networks, folder / "found"))
    return made / "found"


@pytest.fixture(scope="session")
def taught(drawn_landmarks: Path, networks_folder: Path, make_once: MakeOnce) -> Path:
    """The bundle of a pose classifier that was taught on four of the six drawn people, for half a minute."""

    def make(folder: Path) -> None:
        from tests.bundles import teach  # imports TensorFlow

        teach(drawn_landmarks, networks_folder, folder)

    return make_once("taught", make)


@pytest.fixture(scope="session")
def untrained(make_once: MakeOnce) -> Path:
    """The bundle of a network of frames that learned nothing."""

    def make(folder: Path) -> None:
        from tests.bundles import save_untrained  # imports TensorFlow

        save_untrained(folder)

    return make_once("untrained", make)


@pytest.fixture(scope="session")
def squat_clip(make_once: MakeOnce) -> Path:
    """Somebody who squats; one of the drawn clips, where no more are needed."""
    made = make_once("one", lambda folder: render(folder, "--people", "1", "--exercises", "squat"))
    return made / "videos/squat/person01__1.mp4"


@pytest.fixture(scope="session")
def squat(squat_clip: Path) -> list[tuple[float, np.ndarray]]:
    """Its seconds and frames (480, 640, 3) uint8 RGB, 10 a second."""
    return [(number / 10, frame) for number, frame in enumerate(read_frames(squat_clip, 10, "pad"))]


@pytest.fixture(scope="session")
def blank(make_once: MakeOnce) -> Path:
    return make_once("blank", make_project)


@pytest.fixture
def project(blank: Path, tmp_path: Path) -> Path:
    """A copy of this project's own files in a Git repository of its own, without data; its videos are data/videos."""
    return copy_project(blank, tmp_path / "project")


@pytest.fixture(scope="session")
def ran(blank: Path, drawn: Path, make_once: MakeOnce) -> Path:
    """A project to copy, that has run once with the drawn people, on one core."""

    def make(folder: Path) -> None:
        project = copy_project(blank, folder / "project")
        shutil.copytree(drawn / "videos", project / "data/videos")
        done = run(project, "dvc", "repro", cores="0", LOKY_MAX_CPU_COUNT="1")
        assert done.returncode == 0, done.stdout + done.stderr

    return make_once("ran", make) / "project"


@pytest.fixture(scope="session")
def stand_in(make_once: MakeOnce) -> Path:
    """A project to copy, of this dvc.yaml and all in Git, that has run once; but what its stages run are stand-ins."""
    return make_once("stand_in", lambda folder: make_stand_in_project(folder / "project")) / "project"


@pytest.fixture(scope="session")
def undisturbed(make_clip: Callable[..., bytes], networks_folder: Path, make_once: MakeOnce) -> Undisturbed:
    made = make_once("undisturbed", lambda folder: Undisturbed.make(folder / "project", networks_folder, make_clip))
    return Undisturbed(made / "project", networks_folder)


@pytest.fixture(scope="session")
def noise() -> Callable[..., np.ndarray]:
    """noise(*shape) -> uint8 noise, always the same for a shape."""
    return lambda *shape: np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
