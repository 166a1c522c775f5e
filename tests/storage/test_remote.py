"""What is pushed to a real S3 server comes back, whatever happens on the way."""

import hashlib
import os
import re
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

from tests.conftest import GIT, ROOT, edit_params, make_stand_in_project, run

CONFIG = ".dvc/config.local"
MADE = ("dvc.yaml", "data/videos.dvc", "pretrained/dvc.yaml")  # all but the sample, which this project does not use
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


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    yield from serve(make_home(tmp_path / "home"))


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server with a folder of three files, and the hash of one of them."""
    for server in serve(make_home(tmp_path_factory.mktemp("pushed") / "home")):
        path = push_three(server)
        yield server, path.parent.name + path.name


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that holds all that a project's run made."""
    home = make_stand_in_project(tmp_path_factory.mktemp("ran") / "project")
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


def test_after_gc_complete_runs_are_pushed_and_others_left_out(ran: Server, tmp_path: Path) -> None:
    home = shutil.copytree(ran.home, tmp_path / "project", symlinks=True)
    run(home, "dvc", "remote", "add", "-q", "--local", "-d", "here", str(tmp_path / "remote"))
    edit_params(home, {"extract.jpeg_quality": 91})
    assert run(home, "dvc", "repro", "-q", "extract").returncode == 0  # a run of which only the record stays
    assert run(home, *GIT, "reset", "-q", "--hard").returncode == 0
    assert run(home, "dvc", "checkout", "-q", "dvc.yaml").returncode == 0
    assert run(home, "dvc", "gc", "-w", "-f", "-q").returncode == 0
    pushed = run(home, sys.executable, "storage/push.py")
    assert pushed.returncode == 0, pushed.stderr
    assert re.match(r"push: 6 runs, \d+ files more of them; 1 without their outputs left out$", pushed.stdout)
    assert len([path for path in (tmp_path / "remote/runs").rglob("*") if path.is_file()]) == 6


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


def test_a_damaged_object_is_told_and_does_not_get_into_the_workspace_and_a_missing_one_is_named(
    server: Server, tmp_path: Path
) -> None:
    victim = push_three(server)
    victim.write_bytes(b"!" * 1000)
    other = clone(server.home, tmp_path / "other")
    pulled = run(other, "dvc", "pull", "-v", "noise")
    assert pulled.returncode != 0
    (told,) = (line for line in pulled.stdout.splitlines() if "corrupted" in line)
    assert f"{victim.parent.name}/{victim.name}" in told
    assert b"!" * 1000 not in [path.read_bytes() for path in other.glob("noise/*")]
    victim.unlink()
    pulled = run(clone(server.home, tmp_path / "third"), "dvc", "pull", "noise")
    assert pulled.returncode != 0
    assert victim.parent.name + victim.name in (pulled.stderr + pulled.stdout).replace("/", "")


def check(checkout: Path, base: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Looks for the data of `checkout` in the remote of `base`."""
    return run(base or checkout, *PATIENCE, sys.executable, str(ROOT / "storage/check.py"), str(checkout))


def test_a_checkout_without_data_tells_what_the_remote_lacks(server: Server, tmp_path: Path) -> None:
    victim = push_three(server)
    other = clone(server.home, tmp_path / "other")
    whole = check(other)
    assert (whole.returncode, whole.stdout) == (0, "check: all 4 objects are in the remote\n")
    lose(server, victim)
    broken = check(other)
    assert broken.returncode == 1
    assert broken.stdout.startswith("not in the remote: noise/00")
    assert "1 of 4 objects" in broken.stderr
    (folder,) = (path for path in objects(server) if path.suffix == ".dir")
    lose(server, folder)
    assert "not in the remote: noise\n" in check(other).stdout
    server.kill()
    silent = check(other)
    assert silent.returncode == 1
    assert silent.stderr.startswith("check: ")
    assert f"127.0.0.1:{server.port}" in silent.stderr
    assert "Traceback" not in silent.stderr


def test_all_that_a_run_made_is_looked_for(ran: Server) -> None:
    told = check(ran.home)
    assert told.stdout == "not in the remote: sample/videos\n"  # of which it makes no use
    assert "1 of " in told.stderr


def hostile(base: Path, folder: Path, name: str, content: str | Path) -> Path:
    """A clone of `base` with one more file in Git, or a link."""
    subprocess.run(["git", "clone", "-q", str(base), str(folder)], check=True)
    if isinstance(content, Path):
        (folder / name).symlink_to(content)
    else:
        (folder / name).write_text(content)
    assert run(folder, *GIT, "add", "-Af").returncode == 0
    return folder


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            ".dvc/config",
            "[core]\nremote = other\n['remote \"other\"']\nurl = s3://other\nendpointurl = http://192.0.2.1\n",
        ),
        ("dvc.yaml", "vars: [evil.py]\nstages: {a: {cmd: touch ran, outs: [x: {remote: other}]}}"),
        ("a.dvc", "deps: [{path: x, repo: {url: 'ext::touch ran'}}]\nouts: [{path: noise, md5: OID, remote: other}]"),
        ("b.dvc", Path("/proc/self/environ")),
        (".dvcignore", "*\n"),
    ],
)
def test_a_change_cannot_lead_the_check_elsewhere(
    pushed: tuple[Server, str], tmp_path: Path, name: str, content: str | Path
) -> None:
    home = pushed[0].home
    content = content.replace("OID", pushed[1]) if isinstance(content, str) else content
    told = check(hostile(home, tmp_path / "change", name, content), home)
    assert (told.returncode, told.stdout, told.stderr) == (0, "check: all 4 objects are in the remote\n", "")
    assert not list(tmp_path.rglob("ran"))


@pytest.mark.parametrize(
    "content",
    [
        "outs: [{path: x, md5: ../../secret}]",
        "outs: [{path: x, md5: 3}]",
        "outs: 3",
        "- 1",
        "!!python/object/apply:os.getcwd []",
        "[",
    ],
)
def test_what_dvc_did_not_write_is_refused_in_one_line(
    pushed: tuple[Server, str], tmp_path: Path, content: str
) -> None:
    home = pushed[0].home
    told = check(hostile(home, tmp_path / "change", "a.dvc", content), home)
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == "check: 'a.dvc' is not as DVC writes it\n"


def test_a_name_cannot_give_orders_to_the_log_of_the_workflow(pushed: tuple[Server, str], tmp_path: Path) -> None:
    home = pushed[0].home
    content = '{"outs": [{"md5": "' + 32 * "a" + '", "path": "x\\n::stop-commands::y"}]}'
    told = check(hostile(home, tmp_path / "change", "a.dvc", content), home)
    assert told.stdout == "not in the remote: 'x\\n::stop-commands::y'\n"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("secret_access_key", "wrong", ("Forbidden", "SignatureDoesNotMatch", "denied")),
        ("url", "s3://nowhere/dvc", ("bucket", "Bucket")),
        ("endpointurl", "http://127.0.0.1:9", ("127.0.0.1:9",)),  # where nobody answers
    ],
)
def test_a_wrong_key_or_bucket_or_no_server_is_told_in_one_line(
    server: Server, name: str, value: str, words: tuple[str, ...]
) -> None:
    add_noise(server.home, 1, 1000)
    run(server.home, "dvc", "remote", "modify", "--local", "storage", name, value)
    line = one_line(run(server.home, *PATIENCE, "dvc", "push", "noise"))
    assert any(word in line for word in words)


def test_no_command_carries_the_secret(server: Server, tmp_path: Path) -> None:
    """Everybody on the machine can read commands."""
    server.do("stop")
    (server.home / CONFIG).unlink()
    for name in ("dvc", "rclone"):
        (tmp_path / name).write_text(
            f'#!/bin/sh\necho "$0 $@" >> {tmp_path}/commands\nexec {shutil.which(name)} "$@"\n'
        )
        (tmp_path / name).chmod(0o755)
    assert server.do("start", PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}").returncode == 0
    secrets = [line.split(" = ")[1] for line in (server.home / CONFIG).read_text().splitlines() if "_key" in line]
    assert len(secrets) == 2
    commands = (tmp_path / "commands").read_text()
    assert "rclone serve s3" in commands
    for secret in secrets:
        assert secret not in commands


def test_the_key_is_made_once_and_only_its_owner_can_read_it(server: Server) -> None:
    config = server.home / CONFIG
    first = config.read_text()
    assert config.stat().st_mode & 0o777 == 0o600
    assert run(server.home, *GIT, "status", "--porcelain").stdout == ""
    assert server.do("stop").stdout == "s3: ended\n"
    assert server.do("start").returncode == 0
    assert config.read_text() == first


def test_a_port_in_use_is_told_in_one_line_and_stopping_what_does_not_run_is_no_error(server: Server) -> None:
    done = server.do("start")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"port {server.port} is in use" in done.stderr
    server.do("stop")
    again = server.do("stop")
    assert (again.returncode, again.stdout) == (0, "s3: no server is running\n")


def test_the_remote_is_the_projects_own_and_holds_no_key() -> None:
    text = (ROOT / ".dvc/config").read_text()
    assert "url = s3://fitness-tracker/dvc" in text
    for word in ("key", "secret", "endpoint", "profile"):
        assert word not in text
