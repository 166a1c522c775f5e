"""Whether the remote has all data of a checkout, whatever that checkout holds."""

import subprocess
import sys
from pathlib import Path

import check
import pytest

from tests.projects import GIT, ROOT, run
from tests.storage.servers import PATIENCE, Server, clone, make_home, objects, push_three


def lose(server: Server, victim: Path) -> None:
    """Takes an object away; the server, which remembers what it listed, is started anew."""
    victim.unlink()
    server.kill()
    assert server.do("start").returncode == 0


def look(checkout: Path, base: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Looks for the data of `checkout` in the remote of `base`."""
    return run(base or checkout, *PATIENCE, sys.executable, str(ROOT / "storage/check.py"), str(checkout))


@pytest.mark.slow
def test_a_checkout_without_data_tells_what_the_remote_lacks(server: Server, tmp_path: Path) -> None:
    victim = push_three(server)
    other = clone(server.home, tmp_path / "other")
    whole = look(other)
    assert (whole.returncode, whole.stdout) == (0, "check: all 4 objects are in the remote\n")
    lose(server, victim)
    broken = look(other)
    assert broken.returncode == 1
    assert broken.stdout.startswith("not in the remote: noise/00")
    assert "1 of 4 objects" in broken.stderr
    (folder,) = (path for path in objects(server) if path.suffix == ".dir")
    lose(server, folder)
    assert "not in the remote: noise\n" in look(other).stdout
    server.kill()
    silent = look(other)
    assert silent.returncode == 1
    assert silent.stderr.startswith("check: ")
    assert f"127.0.0.1:{server.port}" in silent.stderr
    assert "Traceback" not in silent.stderr


def test_all_that_a_run_made_is_looked_for(filled: Server) -> None:
    told = look(filled.home)
    assert told.stdout == "not in the remote: sample/videos\n"  # of which it makes no use
    assert "1 of " in told.stderr


def hostile(base: Path, folder: Path, files: dict[str, str | Path]) -> Path:
    """A clone of `base` with more files in Git, or links."""
    subprocess.run(["git", "clone", "-q", str(base), str(folder)], check=True)
    for name, content in files.items():
        if isinstance(content, Path):
            (folder / name).symlink_to(content)
        else:
            (folder / name).write_text(content)
    assert run(folder, *GIT, "add", "-Af").returncode == 0
    return folder


@pytest.mark.slow
def test_a_change_cannot_lead_the_check_elsewhere(pushed: tuple[Server, str], tmp_path: Path) -> None:
    home, oid = pushed[0].home, pushed[1]
    other = "[core]\nremote = other\n['remote \"other\"']\nurl = s3://other\nendpointurl = http://192.0.2.1\n"
    change = hostile(
        home,
        tmp_path / "change",
        {
            ".dvc/config": other,
            "dvc.yaml": "vars: [evil.py]\nstages: {a: {cmd: touch ran, outs: [x: {remote: other}]}}",
            "a.dvc": "deps: [{path: x, repo: {url: 'ext::touch ran'}}]\n"
            f"outs: [{{path: noise, md5: {oid}, remote: other}}]",
            "b.dvc": Path("/proc/self/environ"),
        },
    )
    for name in (None, ".dvcignore"):
        if name:
            (change / name).write_text("*\n")
        told = look(change, home)
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
def test_what_dvc_did_not_write_is_refused(tmp_path: Path, content: str) -> None:
    change = hostile(make_home(tmp_path / "home"), tmp_path / "change", {"a.dvc": content})
    with pytest.raises(ValueError, match=r"^'a\.dvc' is not as DVC writes it$"):
        list(check.outs(change))


@pytest.mark.slow
def test_what_is_told_of_a_hostile_file_is_one_line(pushed: tuple[Server, str], tmp_path: Path) -> None:
    """A name cannot give orders to the log of the workflow."""
    home, content = pushed[0].home, '{"outs": [{"md5": "' + 32 * "a" + '", "path": "x\\n::stop-commands::y"}]}'
    change = hostile(home, tmp_path / "change", {"a.dvc": content})
    assert look(change, home).stdout == "not in the remote: 'x\\n::stop-commands::y'\n"
    (change / "a.dvc").write_text("[")
    told = look(change, home)
    assert (told.returncode, told.stdout, told.stderr) == (1, "", "check: 'a.dvc' is not as DVC writes it\n")
