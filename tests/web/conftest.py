"""The page as it is served, in a real browser: Debian's Chromium."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from tests.conftest import MakeOnce
from tests.projects import ROOT

AXE = "axe-core@4.14.1"
SHA256 = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"
PROGRAM = [sys.executable, "-m", "fitness_tracker.cli"]
PATIENCE = 120.0  # seconds, on a machine that others use
expect.set_options(timeout=1000 * PATIENCE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "server" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")


def run_ffmpeg(*arguments: str) -> None:
    subprocess.run([get_ffmpeg_exe(), "-loglevel", "error", "-y", *arguments], check=True)


class Server:
    """`fitness-tracker serve`."""

    def __init__(self, classifier: Path, *arguments: str) -> None:
        command = [*PROGRAM, "serve", "--port", "0", "--classifier", str(classifier), *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        found = re.match(r"(http://\S+:(\d+)/) ", self.process.stdout.readline())
        assert found, self.end()
        self.url, self.port = found[1], int(found[2])

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """The exit code, and what it said on stderr."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said


@pytest.fixture(scope="session")
def server(taught: Path, vendored: None) -> Iterator[Server]:
    running = Server(taught)
    yield running
    assert running.end() == (0, "")


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    if not shutil.which("chromium"):
        pytest.skip("chromium is not installed: the page is not tested")
    with sync_playwright() as running:
        yield running


def launch(playwright: Playwright, *arguments: str) -> Browser:
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[*sandbox, *arguments])


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    running = launch(playwright)
    yield running
    running.close()


class Opened:
    """A page of its own; what it asks of the net, and what fails in it, is noted."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.page = context.new_page()
        self.asked: list[str] = []
        self.faults: list[str] = []
        context.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda said: said.type == "error" and self.faults.append(said.text))
        self.page.goto(url)

    @property
    def hosts(self) -> set[str]:
        return {url.split("/")[2] for url in self.asked if not url.startswith(("blob:", "data:"))}


@pytest.fixture(scope="package")
def shared(browser: Browser, server: Server) -> Iterator[Opened]:
    """One page for all tests that leave nothing behind in it: it loads the networks once."""
    context = browser.new_context(locale="en-GB", service_workers="block")
    yield Opened(context, server.url)
    context.close()


@pytest.fixture
def page(shared: Opened) -> Iterator[Page]:
    """The same, where it starts."""
    shared.page.wait_for_selector("#start:visible")
    yield shared.page
    shared.page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    go_back(shared.page)


def go_back(page: Page) -> None:
    """To where the page starts, whatever it shows."""
    page.evaluate("document.getElementById('cancel').click()")
    page.wait_for_selector("#start:visible")


Open = Callable[..., Opened]


@pytest.fixture
def open_page(browser: Browser, server: Server) -> Iterator[Open]:
    """open_page(query, script=…, **options of the context) -> a page of its own; `script` runs in it before its own.

    Without its `networks` it is there sooner, and looks at nothing.
    """
    contexts: list[BrowserContext] = []

    def open_it(
        query: str = "", script: str = "", routes: dict[str, Any] | None = None, networks: bool = True, **options: Any
    ) -> Opened:
        contexts.append(browser.new_context(**{"locale": "en-GB", "service_workers": "block", **options}))
        if script:
            contexts[-1].add_init_script(script)
        if not networks:
            contexts[-1].route("**/vendor/litert/*", lambda route: route.abort())
        for pattern, handler in (routes or {}).items():
            contexts[-1].route(pattern, handler)
        return Opened(contexts[-1], server.url + query)

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def squats(drawn: Path) -> Path:
    return drawn / "videos/squat/person02__1.mp4"


def wait_until(page: Page, expression: str) -> None:
    """Until it is true in the page, whose policy forbids Playwright's own way to wait for that."""
    end = time.monotonic() + PATIENCE
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"it never came true: {expression}"
        page.wait_for_timeout(100)


def give(page: Page, path: Path) -> None:
    page.wait_for_selector("#start:visible")
    page.set_input_files("#file", str(path))


ASK = """async ([name, values]) => {
  const { ask } = await import("./page/client.js");
  const { landmarksOf } = await import("./page/selftest.js");
  if (values.address) values = { file: new File([await (await fetch(values.address)).blob()], "clip") };
  else if (values.turns) values = landmarksOf(values);
  const result = await ask(name, values);
  return result.skeleton ? { ...result, skeleton: [...result.skeleton] } : result;
}"""


@pytest.fixture(scope="session")
def axe(make_once: MakeOnce, vendored: None) -> str:
    """The source of axe-core."""
    import fetch_packages

    def unpack(folder: Path) -> None:
        with tarfile.open(fetch_packages.download(AXE, SHA256, folder)) as archive:
            member = archive.extractfile("package/axe.min.js")
            assert member
            (folder / "axe.js").write_bytes(member.read())

    return (make_once("axe", unpack) / "axe.js").read_text()


def violations(page: Page, axe: str) -> list[str]:
    page.evaluate(axe)
    found = []
    for scheme in ("light", "dark"):
        # Without motion, as colours that change slowly are looked at too early
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        for one in page.evaluate("axe.run()")["violations"]:
            found.append(f"{scheme}: {one['id']}: {[node['html'] for node in one['nodes']]}")
    return found
