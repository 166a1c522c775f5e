"""Hashes of tracked files are the same in every clone, whatever Git's settings for line ends are."""

from pathlib import Path

import pytest

from tests.projects import GIT, digests, make_project, run


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["core.autocrlf=true", "core.autocrlf=input", "core.eol=crlf"])
def test_line_ends_do_not_depend_on_settings(tmp_path: Path, setting: str) -> None:
    project = make_project(tmp_path / "project")
    done = run(tmp_path, *GIT, "clone", "-q", "-c", setting, str(project), "clone")
    assert done.returncode == 0, done.stderr
    tracked = run(project, *GIT, "ls-files").stdout.splitlines()
    before, after = digests(project), digests(tmp_path / "clone")
    assert [name for name in tracked if before[name] != after[name]] == []
    assert run(tmp_path / "clone", *GIT, "status", "--porcelain").stdout == ""
