"""What is pushed to a real S3 server comes back, whatever happens on the way."""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from conftest import GIT, ROOT, make_tracked_project, run

pytestmark = pytest.mark.slow
CONFIG = ".dvc/config.local"
MADE = ("dvc.yaml", "data/videos.dvc", "pretrained/dvc.yaml")  # all but the sample, which this project does not use


@dataclass
class Server:
    """The project's own S3 server, for the project in `home`."""

    home: Path
    port: int

    @property
    def objects(self) -> Path:
        return self.home / ".s3" / "fitness-tracker" / "dvc"

    def do(self, what: str) -> subprocess.CompletedProcess[str]:
        return run(self.home, sys.executable, "storage/serve.py", what, "--port", str(self.port))

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


@pytest.fixture
def server(project: Path) -> Iterator[Server]:
    yield from serve(project)


@pytest.fixture(scope="module")
def ran(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that holds all that a project's run made."""
    home = make_tracked_project(tmp_path_factory.mktemp("ran") / "project", drawn / "videos")
    for server in serve(home):
        pushed = run(home, "make", "-o", ".venv/installed", "push")
        assert pushed.returncode == 0, pushed.stdout + pushed.stderr
        yield server


def clone(home: Path, folder: Path) -> Path:
    """A clone with an empty cache, pointed at the same server."""
    subprocess.run(["git", "clone", "-q", str(home), str(folder)], check=True)
    shutil.copy(home / CONFIG, folder / CONFIG)
    return folder


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


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


def lose(server: Server, victim: Path) -> None:
    """Takes an object away; the server, which remembers what it listed, is started anew."""
    victim.unlink()
    server.kill()
    assert server.do("start").returncode == 0


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The error of a command that failed, which must be one line, beside DVC's own offer of help."""
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return line


def test_what_one_clone_pushes_another_pulls_to_the_byte(ran: Server, tmp_path: Path) -> None:
    other = clone(ran.home, tmp_path / "other")
    pulled = run(other, "dvc", "pull", "-q", *MADE)
    assert pulled.returncode == 0, pulled.stderr
    for folder in ("data", "models", "plots", "metrics", "pretrained/models"):
        assert digests(other / folder) == digests(ran.home / folder), folder
    assert "up to date" in run(other, "dvc", "repro").stdout
    assert run(other, *GIT, "status", "--porcelain").stdout == ""
    told = run(other, "dvc", "data", "status", "--not-in-remote", "--json")
    assert json.loads(told.stdout).get("not_in_remote", []) in ([], ["sample/videos/"])


def test_what_one_clone_ran_the_run_cache_spares_another(ran: Server, tmp_path: Path) -> None:
    other = clone(ran.home, tmp_path / "other")
    lock = (other / "dvc.lock").read_text()
    tables = digests(other / "metrics")
    run(other, *GIT, "rm", "-q", "dvc.lock", *(f"metrics/{name}" for name in tables))  # as if it was never committed
    assert run(other, "dvc", "fetch", "-q", "--run-cache", "data/videos.dvc", "pretrained/dvc.yaml").returncode == 0
    done = run(other, "dvc", "repro", "--pull")
    assert done.returncode == 0, done.stderr
    assert "Running stage" not in done.stdout
    assert done.stdout.count("is cached - skipping run") == 5
    assert (other / "dvc.lock").read_text() == lock
    assert digests(other / "metrics") == tables
    assert digests(other / "models") == digests(ran.home / "models")


def test_the_model_and_its_metrics_come_alone(ran: Server, tmp_path: Path) -> None:
    run(ran.home, *GIT, "tag", "-am", "first", "classifier@v1.0.0")
    endpoint = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{ran.port}"}
    for line in (ran.home / CONFIG).read_text().splitlines():
        name, _, value = line.strip().partition(" = ")
        if name in ("access_key_id", "secret_access_key"):
            endpoint[f"AWS_{name.upper()}"] = value
    home = str(ran.home)
    for command, out in (
        (("get", home, "models/classifier"), "by_path"),
        (("artifacts", "get", home, "classifier"), "by_name"),
        (("get", home, "metrics/evaluate.json"), "metrics.json"),
    ):
        got = run(tmp_path, "dvc", *command, "-o", out, **endpoint)
        assert got.returncode == 0, got.stderr
    for out in ("by_path", "by_name"):
        assert digests(tmp_path / out) == digests(ran.home / "models/classifier")
    assert (tmp_path / "metrics.json").read_text() == (ran.home / "metrics/evaluate.json").read_text()


def test_a_push_that_lost_its_server_is_completed_by_the_next(server: Server, tmp_path: Path) -> None:
    add_noise(server.home, 200, 400_000)
    env = os.environ | {"PYTHONPATH": str(server.home / "src")}
    push = subprocess.Popen(["dvc", "push", "-q", "noise"], cwd=server.home, env=env, stderr=subprocess.DEVNULL)
    while len(objects(server)) < 10 and push.poll() is None:
        time.sleep(0.01)
    server.kill()
    push.kill()  # left alone it tries again for minutes, file by file
    push.wait()
    there = len(objects(server))
    assert 10 <= there < 201
    assert server.do("start").returncode == 0
    again = run(server.home, "dvc", "push", "-q", "noise")
    assert again.returncode == 0, again.stderr
    assert len(objects(server)) == 201
    other = clone(server.home, tmp_path / "other")
    assert run(other, "dvc", "pull", "-q", "noise").returncode == 0
    assert digests(other / "noise") == digests(server.home / "noise")


def test_a_damaged_object_is_told_and_does_not_get_into_the_workspace(server: Server, tmp_path: Path) -> None:
    victim = push_three(server)
    victim.write_bytes(b"!" * 1000)
    other = clone(server.home, tmp_path / "other")
    pulled = run(other, "dvc", "pull", "noise")
    assert pulled.returncode != 0
    assert "noise" in pulled.stderr
    loud = run(other, "dvc", "pull", "-v", "noise").stdout
    (told,) = (line for line in loud.splitlines() if "corrupted" in line)
    assert f"{victim.parent.name}/{victim.name}" in told
    assert b"!" * 1000 not in [path.read_bytes() for path in other.glob("noise/*")]


def test_a_missing_object_is_named(server: Server, tmp_path: Path) -> None:
    victim = push_three(server)
    victim.unlink()
    other = clone(server.home, tmp_path / "other")
    pulled = run(other, "dvc", "pull", "noise")
    assert pulled.returncode != 0
    assert victim.parent.name + victim.name in (pulled.stderr + pulled.stdout).replace("/", "")


def test_a_checkout_without_data_tells_what_the_remote_lacks(server: Server, tmp_path: Path) -> None:
    victim = push_three(server)
    run(server.home, *GIT, "rm", "-rq", "sample/dvc.lock", "pretrained/dvc.lock")  # they are not in this remote
    run(server.home, *GIT, "commit", "-qm", "only noise")
    other = clone(server.home, tmp_path / "other")
    command = (sys.executable, "storage/check.py")
    whole = run(other, *command)
    assert (whole.returncode, whole.stdout) == (0, "check: all 4 objects are in the remote\n")
    lose(server, victim)
    broken = run(other, *command)
    assert broken.returncode == 1
    assert broken.stdout.startswith("not in the remote: noise/00")
    assert "1 of 4 objects" in broken.stderr
    (folder,) = (path for path in objects(server) if path.suffix == ".dir")
    lose(server, folder)
    assert "not in the remote: noise\n" in run(other, *command).stdout
    server.kill()
    silent = run(other, *command)
    assert silent.returncode == 1
    assert silent.stderr.startswith("check: ")
    assert f"127.0.0.1:{server.port}" in silent.stderr
    assert "Traceback" not in silent.stderr


def test_a_wrong_key_is_told_at_once(server: Server) -> None:
    add_noise(server.home, 1, 1000)
    run(server.home, "dvc", "remote", "modify", "--local", "storage", "secret_access_key", "wrong")
    start = time.monotonic()
    line = one_line(run(server.home, "dvc", "push", "noise"))
    assert time.monotonic() - start < 30
    assert "Forbidden" in line or "SignatureDoesNotMatch" in line or "denied" in line.lower()


def test_no_server_is_told_soon(server: Server) -> None:
    add_noise(server.home, 1, 1000)
    server.kill()
    start = time.monotonic()
    line = one_line(run(server.home, "dvc", "push", "noise"))
    assert time.monotonic() - start < 30
    assert f"127.0.0.1:{server.port}" in line


def test_no_bucket_is_told(server: Server) -> None:
    add_noise(server.home, 1, 1000)
    run(server.home, "dvc", "remote", "modify", "--local", "storage", "url", "s3://nowhere/dvc")
    start = time.monotonic()
    line = one_line(run(server.home, "dvc", "push", "noise"))
    assert time.monotonic() - start < 30
    assert "bucket" in line.lower()


def test_the_key_is_made_once_and_only_its_owner_can_read_it(server: Server) -> None:
    config = server.home / CONFIG
    first = config.read_text()
    assert config.stat().st_mode & 0o777 == 0o600
    assert run(server.home, *GIT, "status", "--porcelain").stdout == ""
    assert server.do("stop").stdout == "s3: ended\n"
    assert server.do("start").returncode == 0
    assert config.read_text() == first


def test_a_port_in_use_is_told_in_one_line(server: Server) -> None:
    done = server.do("start")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"port {server.port} is in use" in done.stderr


def test_stopping_what_does_not_run_is_no_error(server: Server) -> None:
    server.do("stop")
    again = server.do("stop")
    assert (again.returncode, again.stdout) == (0, "s3: no server is running\n")


def test_the_remote_is_the_projects_own_and_holds_no_key() -> None:
    text = (ROOT / ".dvc/config").read_text()
    assert "url = s3://fitness-tracker/dvc" in text
    for word in ("key", "secret", "endpoint", "profile"):
        assert word not in text
