"""Short real videos, and a real project to run in."""

from fitness_tracker.core import environment as environment  # isort: split

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import yaml
from hypothesis import settings
from imageio_ffmpeg import get_ffmpeg_exe

from fitness_tracker.blazepose.networks import read_networks
from fitness_tracker.video.ffmpeg import read_frames

ROOT = Path(__file__).parent.parent
GIT = ("git", "-c", "user.name=test", "-c", "user.email=test@example.com")
sys.path += [str(ROOT / "pretrained"), str(ROOT / "sample"), str(ROOT / "benchmarks")]
REAL_CLIPS = Path(os.environ.get("FITNESS_TRACKER_REAL_CLIPS") or ROOT.parent / "shared" / "clips")
# The programs of the environment that runs the tests come first, for `dvc` and for the `python` of its stages.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in a background may have been told to ignore it

settings.register_profile("unhurried", deadline=None, max_examples=60)
settings.load_profile("unhurried")


@pytest.fixture(scope="session", autouse=True)
def memo_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing that the tests find was computed before they began."""
    os.environ["FITNESS_TRACKER_CACHE"] = str(tmp_path_factory.mktemp("memo"))


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
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `videos` of six invented people, three exercises each, and `truth.csv`."""
    folder = tmp_path_factory.mktemp("drawn")
    render(folder, "--people", "6", "--exercises", "jumping_jack", "plank", "squat")
    return folder


def render(folder: Path, *arguments: str) -> None:
    program = [sys.executable, str(ROOT / "sample" / "render.py")]
    subprocess.run([*program, str(folder / "videos"), str(folder / "truth.csv"), *arguments], check=True)


@pytest.fixture(scope="session")
def networks_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's own pose networks, or, where they are not here yet, fetched ones."""
    folder = ROOT / "pretrained" / "models"
    if not folder.is_dir():
        import fetch

        folder = tmp_path_factory.mktemp("pretrained") / "models"
        fetch.fetch(folder)
    return folder


@pytest.fixture(scope="session")
def networks(networks_folder: Path) -> dict[str, bytes]:
    return read_networks(networks_folder)


@pytest.fixture(scope="session")
def taught(drawn: Path, networks_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of a pose classifier that was taught on four of the six drawn people, for a moment; takes a minute."""
    from tests.taught import teach  # imports TensorFlow

    return teach(drawn, networks_folder, tmp_path_factory.mktemp("taught"))


@pytest.fixture(scope="session")
def squat(drawn: Path) -> list[tuple[float, np.ndarray]]:
    """Seconds and frames (480, 640, 3) uint8 RGB of somebody who squats, 10 a second."""
    clip = (drawn / "videos/squat/person01__1.mp4").read_bytes()
    return [(number / 10, frame) for number, frame in enumerate(read_frames(clip, 10, "pad"))]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of this project's own files in a Git repository of its own, without data; its videos are data/videos."""
    return make_project(tmp_path / "project")


def make_project(folder: Path) -> Path:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    small = {
        "train.epochs": 2,
        "corpus": False,
        "split.folds": 5,
        "pose.windows_per_epoch": 64,
        "pose.members": 2,
        "cnn.image_size": 32,
        "cnn.dense_units": 16,
    }
    edit_params(folder, {"videos": "data/videos", **small})
    (folder / "dvc.lock").unlink(missing_ok=True)
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        subprocess.run([*GIT, *arguments], cwd=folder, check=True)
    return folder


def make_tracked_project(folder: Path, videos: Path) -> Path:
    """A project that has run once; DVC tracks its videos and Git knows all of it, as other clones need it."""
    make_project(folder)
    shutil.copytree(videos, folder / "data" / "videos")
    track_and_run(folder)
    return folder


def track_and_run(folder: Path) -> None:
    for command in (("dvc", "add", "-q", "data/videos"), ("dvc", "repro", "-q"), (*GIT, "add", "-A")):
        done = run(folder, *command)
        assert done.returncode == 0, done.stdout + done.stderr
    assert run(folder, *GIT, "commit", "-qm", "data and first run").returncode == 0


def edit_params(folder: Path, changes: dict[str, object]) -> None:
    """Sets dotted keys of the project's params.yaml."""
    path = folder / "params.yaml"
    params = yaml.safe_load(path.read_text())
    for key, value in changes.items():
        *groups, last = key.split(".")
        place = params
        for group in groups:
            place = place[group]
        place[last] = value
    path.write_text(yaml.safe_dump(params))


def run(folder: Path, *command: str, cores: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in a project, with the project's own code, and returns what it said."""
    env = {**os.environ, "PYTHONPATH": str(folder / "src"), **environment}
    pinned = ["taskset", "-c", cores] if cores and shutil.which("taskset") else []  # macOS has none
    return subprocess.run([*pinned, *command], cwd=folder, env=env, capture_output=True, text=True, check=False)


# Before a command: to root no folder is read-only and no file forbidden, unless it gives that up.
WITHOUT_ROOTS_RIGHTS = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def processes_of(folder: Path) -> list[psutil.Process]:
    """The processes that were started with `folder` for their temporary files."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TMPDIR") == str(folder):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@pytest.fixture(scope="session")
def noise() -> Callable[..., np.ndarray]:
    """noise(*shape) -> uint8 noise, always the same for a shape."""
    return lambda *shape: np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def make_stand_in_project(folder: Path) -> Path:
    """A project of this dvc.yaml that has run once, with all of it in Git; but what its stages run are stand-ins."""
    make_project(folder)
    for path in (folder / "stages").glob("[a-z]*.py"):
        shutil.copy(ROOT / "tests/stand_in.py", path)
    (folder / "pretrained/fetch.py").write_text("import os\nos.mkdir('models')\nopen('models/network', 'w').close()\n")
    (folder / "data/videos").mkdir()
    (folder / "data/videos/clip.mp4").write_text("a clip")
    track_and_run(folder)
    return folder


class Undisturbed:
    """A project with small clips on which the stages have run in peace: their commands and their outs."""

    STAGES = ("resize", "extract", "landmarks")

    def __init__(self, home: Path, networks: Path) -> None:
        self.home, self.networks, self.outs = home, networks, {}
        for stage in self.STAGES:
            done = run(home, *self.command(stage, home / "calm"), FITNESS_TRACKER_CACHE=str(home / "cache"))
            assert done.returncode == 0, done.stderr
            self.outs[stage] = digests(home / "calm" / stage)

    def command(self, stage: str, place: Path) -> list[str]:
        """That reads what the stage before wrote in peace, and writes to `place`/`stage`."""
        sources = {"resize": "data/videos", "extract": "calm/resize", "landmarks": "calm/extract"}
        more = [str(self.networks), str(place / stage), str(place / "metrics")] if stage == "landmarks" else []
        return [
            sys.executable,
            "-m",
            f"stages.{stage}",
            str(self.home / sources[stage]),
            *(more or [str(place / stage)]),
        ]


@pytest.fixture(scope="session")
def undisturbed(make_clip: Callable[..., bytes], networks_folder: Path, tmp_path_factory) -> Undisturbed:
    home = make_project(tmp_path_factory.mktemp("undisturbed") / "project")
    for number in range(5):
        path = home / f"data/videos/{('lunge', 'squat')[number % 2]}/p{number}__1.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make_clip("-f", "lavfi", "-i", f"testsrc2=size=320x{240 + 8 * number}:rate=20:duration=1.5"))
    return Undisturbed(home, networks_folder)


def digests(folder: Path) -> dict[str, str]:
    """Relative path to SHA-256 of every file."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
