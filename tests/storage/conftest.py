from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projects import copy_project, run
from tests.storage.servers import Server, make_home, push_three, serve


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    yield from serve(make_home(tmp_path / "home"))


@pytest.fixture(scope="session")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server with a folder of three files, and the hash of one of them."""
    for server in serve(make_home(tmp_path_factory.mktemp("pushed") / "home")):
        path = push_three(server)
        yield server, path.parent.name + path.name


@pytest.fixture(scope="session")
def filled(stand_in: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that holds all that a project's run made."""
    home = copy_project(stand_in, tmp_path_factory.mktemp("filled") / "project")
    for server in serve(home):
        pushed = run(home, "make", "-o", ".venv/installed", "push")
        assert pushed.returncode == 0, pushed.stdout + pushed.stderr
        yield server
