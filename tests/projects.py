"""Projects like this one, made for a test, and the commands that run in them."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import yaml

from fitness_tracker.corpus.catalog import CorpusClip, read_corpus, write_catalog

ROOT = Path(__file__).parent.parent
REAL_CLIPS = Path(os.environ.get("FITNESS_TRACKER_REAL_CLIPS") or ROOT.parent / "shared" / "clips")
GIT = ("git", "-c", "user.name=test", "-c", "user.email=test@example.com")
# Before a command: to root no folder is read-only and no file forbidden, unless it gives that up.
WITHOUT_ROOTS_RIGHTS = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def run(folder: Path, *command: str, cores: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in a project, with the project's own code, and returns what it said."""
    env = {**os.environ, "PYTHONPATH": str(folder / "src"), **environment}
    pinned = ["taskset", "-c", cores] if cores and shutil.which("taskset") else []  # macOS has none
    return subprocess.run([*pinned, *command], cwd=folder, env=env, capture_output=True, text=True, check=False)


def run_stage(folder: Path, stage: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(folder, sys.executable, "-m", f"stages.{stage}", *arguments, **environment)


def make_project(folder: Path) -> Path:
    """A copy of this project's own files in a Git repository of its own, without data; its videos are data/videos."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    small = {"train.epochs": 2, "corpus": False, "split.folds": 5, "cnn.image_size": 32, "cnn.dense_units": 16}
    few = {"pose.windows_per_epoch": 64, "pose.members": 2}
    edit_params(folder, {"videos": "data/videos", **small, **few})
    (folder / "dvc.lock").unlink(missing_ok=True)
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        subprocess.run([*GIT, *arguments], cwd=folder, check=True)
    return folder


def copy_project(project: Path, folder: Path) -> Path:
    return Path(shutil.copytree(project, folder, symlinks=True))


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


def track_and_run(folder: Path) -> None:
    """Afterwards DVC tracks its videos, and Git knows all of it, as other clones need it."""
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


def keep_of_corpus(project: Path, *labels: str) -> list[CorpusClip]:
    """Leaves nothing in the project's corpus but a dozen clips of each of those labels."""
    clips = [clip for clip in read_corpus(project / "corpus") if clip.visibility != "not"]
    few = [clip for label in labels for clip in [one for one in clips if one.label == label][:12]]
    write_catalog(project / "corpus", few)
    for path in set((project / "corpus/landmarks").rglob("*.npz")) - {clip.path for clip in few}:
        path.unlink()
    return few


class Undisturbed:
    """A project in `home` with small clips, on which the stages have run in peace: their commands and their outs."""

    STAGES = ("resize", "extract", "landmarks")

    def __init__(self, home: Path, networks: Path) -> None:
        self.home, self.networks = home, networks
        self.outs = {stage: digests(home / "calm" / stage) for stage in self.STAGES}

    @classmethod
    def make(cls, home: Path, networks: Path, make_clip: Callable[..., bytes]) -> None:
        make_project(home)
        for number in range(5):
            path = home / f"data/videos/{('lunge', 'squat')[number % 2]}/p{number}__1.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            source = f"testsrc2=size=320x{240 + 8 * number}:rate=20:duration=1.5"
            path.write_bytes(make_clip("-f", "lavfi", "-i", source))
        for stage in cls.STAGES:
            command = cls(home, networks).command(stage, home / "calm")
            done = run(home, *command, FITNESS_TRACKER_CACHE=str(home / "cache"))
            assert done.returncode == 0, done.stderr

    def command(self, stage: str, place: Path) -> list[str]:
        """That reads what the stage before wrote in peace, and writes to `place`/`stage`."""
        source = {"resize": "data/videos", "extract": "calm/resize", "landmarks": "calm/extract"}[stage]
        more = {"landmarks": ([str(self.networks)], [str(place / "metrics")])}.get(stage, ([], []))
        out = str(place / stage)
        return [sys.executable, "-m", f"stages.{stage}", str(self.home / source), *more[0], out, *more[1]]


def digests(folder: Path) -> dict[str, str]:
    """Relative path to SHA-256 of every file."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def is_ffmpeg(process: psutil.Process) -> bool:
    """Whether it runs ffmpeg; a process that is gone runs nothing."""
    try:
        return "ffmpeg" in process.name()
    except psutil.NoSuchProcess:
        return False


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


def render(folder: Path, *arguments: str) -> None:
    """Draws people who exercise: `folder`/videos and `folder`/truth.csv."""
    program = [sys.executable, str(ROOT / "sample" / "render.py")]
    subprocess.run([*program, str(folder / "videos"), str(folder / "truth.csv"), *arguments], check=True)
