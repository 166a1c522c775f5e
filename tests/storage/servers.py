"""The project's own S3 server, and repositories whose data it holds."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.projects import GIT, ROOT, run

CONFIG = ".dvc/config.local"
PATIENCE = ("timeout", "200")  # before a command that must not try again for long


@dataclass
class Server:
    """The project's own S3 server, for the project in `home`."""

    home: Path
    port: int

    @property
    def objects(self) -> Path:
        return self.home / ".s3" / "fitness-tracker" / "dvc"

    def do(self, what: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, str(ROOT / "storage/serve.py"), what, "--port", str(self.port))
        return run(self.home, *command, **environment)

    def kill(self) -> None:
        os.kill(int((self.home / ".s3" / "pid").read_text()), signal.SIGKILL)


def serve(home: Path) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(home, port)
    done = server.do("start")
    assert done.returncode == 0, done.stderr
    yield server
    server.do("stop")


def make_home(home: Path) -> Path:
    """A repository that has nothing but the project's DVC configuration."""
    (home / ".dvc").mkdir(parents=True)
    for name in (".dvc/config", ".dvc/.gitignore", ".gitignore"):
        shutil.copy(ROOT / name, home / name)
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        assert run(home, *GIT, *arguments).returncode == 0
    return home


def clone(home: Path, folder: Path) -> Path:
    """A clone with an empty cache, pointed at the same server."""
    subprocess.run(["git", "clone", "-q", str(home), str(folder)], check=True)
    shutil.copy(home / CONFIG, folder / CONFIG)
    return folder


def add_noise(home: Path, files: int, size: int) -> None:
    """Adds a folder `noise` of `files` files, `size` bytes each, to what DVC tracks."""
    (home / "noise").mkdir()
    for number in range(files):
        (home / "noise" / f"{number:03d}").write_bytes(np.random.default_rng(number).bytes(size))
    assert run(home, "dvc", "add", "-q", "noise").returncode == 0
    run(home, *GIT, "add", "-A")
    run(home, *GIT, "commit", "-qm", "noise")


def objects(server: Server) -> list[Path]:
    return [path for path in sorted(server.objects.rglob("*")) if path.is_file() and "temp" not in path.name]


def push_three(server: Server) -> Path:
    """Pushes three files; one of them, as the server keeps it."""
    add_noise(server.home, 3, 1000)
    assert run(server.home, "dvc", "push", "-q", "noise").returncode == 0
    return next(path for path in objects(server) if path.stat().st_size == 1000)
