"""The page without a network, its versions, and what it may load."""

import gzip
import hashlib
import http.client
import json
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from fitness_tracker.page.server import Server as PageServer
from fitness_tracker.page.site import SUFFIXES, write_site
from tests.conftest import MakeOnce
from tests.web.conftest import Opened, Server, give


def installed(page: Page) -> None:
    expect(page.locator("#offline")).to_be_visible()


@pytest.fixture(scope="session")
def written(taught: Path, vendored: None, make_once: MakeOnce) -> Path:
    return make_once("site", lambda folder: write_site(taught, folder / "site")) / "site"


@pytest.fixture
def site(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "site"))


@pytest.fixture
def light(site: Path) -> Path:
    """A site without its networks, which is there sooner and looks at nothing."""
    script = site / "service-worker.js"
    text = script.read_text()
    for path in (*site.glob("graphs/*"), *site.glob("vendor/litert/*")):
        path.unlink()
        text = re.sub(rf'"{path.relative_to(site)}": "[0-9a-f]{{64}}", ', "", text)
    script.write_text(text)
    return site


class Serving:
    """A folder, served to a browser for as long as the block runs."""

    def __init__(self, folder: Path) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        self.server = PageServer(self.listener, folder)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def __enter__(self) -> "Serving":
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def test_it_answers_without_a_network_after_the_first_load(browser: Browser, site: Path, squats: Path) -> None:
    context = browser.new_context(locale="en-GB")
    with Serving(site) as serving:
        opened = Opened(context, serving.url)
        installed(opened.page)
    opened.page.reload()  # the server is gone
    give(opened.page, squats)
    expect(opened.page.locator("#answer")).to_be_visible()
    assert opened.faults == []
    context.close()


def publish(site: Path, words: str, wrong: str = "") -> None:
    """Changes the site to a new version, in which a button is called `words`; `wrong` is a file with another hash."""
    path, script = site / "page/words.js", site / "service-worker.js"
    path.write_text(path.read_text().replace("Choose a video", words))
    page = json.loads((site / "page.json").read_text())
    (site / "page.json").write_text(json.dumps({**page, "version": words}))
    for name in ("page/words.js", "page.json"):
        digest = "0" * 64 if name == wrong else hashlib.sha256((site / name).read_bytes()).hexdigest()
        script.write_text(re.sub(rf'("{name}": ")[0-9a-f]{{64}}', rf"\g<1>{digest}", script.read_text()))


@pytest.fixture
def kept(browser: Browser, light: Path) -> Iterator[Page]:
    """A page of the `light` site that keeps itself for offline use."""
    context = browser.new_context(locale="en-GB")
    with Serving(light) as serving:
        page = Opened(context, serving.url).page
        installed(page)
        yield page
    context.close()


def test_a_new_version_takes_the_place_of_the_old_one_as_a_whole(kept: Page, light: Path) -> None:
    publish(light, "Pick a film")
    kept.reload()
    expect(kept.locator("label[for=file]")).to_have_text("Pick a film")  # it loads itself anew where nothing is lost
    assert kept.evaluate("caches.keys().then((names) => names.length)") == 1


def test_a_half_written_version_changes_nothing(kept: Page, light: Path) -> None:
    publish(light, "Pick a film", wrong="page/words.js")
    kept.reload()
    kept.wait_for_timeout(3000)
    kept.reload()
    expect(kept.locator("label[for=file]")).to_have_text("Choose a video")
    expect(kept.locator("#update")).to_be_hidden()


def test_who_is_busy_is_asked_before_a_new_version_comes(kept: Page, light: Path) -> None:
    kept.reload()
    installed(kept)
    kept.evaluate("document.getElementById('start').hidden = true")
    publish(light, "Pick a film")
    kept.evaluate("navigator.serviceWorker.getRegistration().then((registration) => registration.update())")
    kept.locator("#use-update").click()
    expect(kept.locator("label[for=file]")).to_have_text("Pick a film")


def test_it_is_small_enough(site: Path) -> None:
    files = [path for path in site.rglob("*") if path.is_file() and "selftest" not in path.parts]
    assert sum(path.stat().st_size for path in files) <= 32e6
    # Hosts compress text and wasm, but not files whose type they do not know
    wire = [len(gzip.compress(path.read_bytes())) if path.suffix in SUFFIXES else path.stat().st_size for path in files]
    assert sum(wire) <= 16e6


def test_nothing_from_elsewhere_and_no_script_in_the_page(site: Path) -> None:
    page = (site / "index.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    assert "unsafe-inline" not in policy[1]
    assert "'unsafe-eval'" not in policy[1]
    assert not re.search(r"https?:", policy[1])
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=", page)
    for path in sorted(site.rglob("*")):
        if path.suffix in (".js", ".css", ".html") and "vendor" not in path.parts:
            assert not re.search(r"https?://", path.read_text()), path


def test_the_server_sends_files_and_nothing_else(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    for path, code in (
        ("/", 200), ("/page/page.js", 200), ("/page/", 404), ("/nothing", 404), ("/../pyproject.toml", 404),
        ("/%2e%2e/%2e%2e/etc/passwd", 404),
    ):  # fmt: skip
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        assert response.status == code, path
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    connection.request("POST", "/", b"clip")
    assert connection.getresponse().status == 501
    connection.close()


def test_files_have_their_types(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    for path, kind in (
        ("/worker.js", "text/javascript"), ("/page.css", "text/css"), ("/icon.svg", "image/svg+xml"),
        ("/vendor/litert/litert_wasm_compat_internal.wasm", "application/wasm"), ("/page.json", "application/json"),
    ):  # fmt: skip
        connection.request("HEAD", path)
        response = connection.getresponse()
        response.read()
        assert response.headers["Content-Type"] == kind
    connection.close()
