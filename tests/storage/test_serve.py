"""The server starts, ends, and keeps its key to itself."""

import os
import shutil
from pathlib import Path

import pytest

from tests.projects import GIT, ROOT, run
from tests.storage.servers import CONFIG, Server


@pytest.mark.slow
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


@pytest.mark.slow
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
