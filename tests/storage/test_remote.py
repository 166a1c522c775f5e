"""What is pushed to a real S3 server comes back, whatever happens on the way."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.projects import GIT, digests, run
from tests.storage.servers import CONFIG, PATIENCE, Server, add_noise, clone, objects, push_three

pytestmark = pytest.mark.slow
MADE = ("dvc.yaml", "data/videos.dvc", "pretrained/dvc.yaml")  # all but the sample, which this project does not use


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The error of a command that failed, which must be one line, beside DVC's own offer of help."""
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return line


def test_what_one_clone_pushes_another_pulls_to_the_byte(filled: Server, tmp_path: Path) -> None:
    other = clone(filled.home, tmp_path / "other")
    pulled = run(other, "dvc", "pull", "-q", *MADE)
    assert pulled.returncode == 0, pulled.stderr
    for folder in ("data", "models", "plots", "metrics", "pretrained/models"):
        assert digests(other / folder) == digests(filled.home / folder), folder
    assert "up to date" in run(other, "dvc", "repro").stdout
    assert run(other, *GIT, "status", "--porcelain").stdout == ""


def test_what_one_clone_ran_the_run_cache_spares_another(filled: Server, tmp_path: Path) -> None:
    other = clone(filled.home, tmp_path / "other")
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
    assert digests(other / "models") == digests(filled.home / "models")


def test_the_model_and_its_metrics_come_alone(filled: Server, tmp_path: Path) -> None:
    run(filled.home, *GIT, "tag", "-am", "first", "classifier@v1.0.0")
    endpoint = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{filled.port}"}
    for line in (filled.home / CONFIG).read_text().splitlines():
        name, _, value = line.strip().partition(" = ")
        if name in ("access_key_id", "secret_access_key"):
            endpoint[f"AWS_{name.upper()}"] = value
    home = str(filled.home)
    for command, out in (
        (("get", home, "models/classifier"), "by_path"),
        (("artifacts", "get", home, "classifier"), "by_name"),
        (("get", home, "metrics/evaluate.json"), "metrics.json"),
    ):
        got = run(tmp_path, "dvc", *command, "-o", out, **endpoint)
        assert got.returncode == 0, got.stderr
    for out in ("by_path", "by_name"):
        assert digests(tmp_path / out) == digests(filled.home / "models/classifier")
    assert (tmp_path / "metrics.json").read_text() == (filled.home / "metrics/evaluate.json").read_text()


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


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("secret_access_key", "wrong", ("Forbidden", "SignatureDoesNotMatch", "denied")),
        ("url", "s3://nowhere/dvc", ("bucket", "Bucket")),
        ("endpointurl", "http://127.0.0.1:9", ("127.0.0.1:9",)),  # where nobody answers
    ],
)
def test_a_wrong_key_or_bucket_or_no_server_is_told_in_one_line(
    pushed: tuple[Server, str], tmp_path: Path, name: str, value: str, words: tuple[str, ...]
) -> None:
    other = clone(pushed[0].home, tmp_path / "other")
    add_noise(other, 1, 1000)
    run(other, "dvc", "remote", "modify", "--local", "storage", name, value)
    line = one_line(run(other, *PATIENCE, "dvc", "push", "noise"))
    assert any(word in line for word in words)
