"""axe-core finds nothing, in any state, light and dark."""

import tarfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import MakeOnce
from tests.web.conftest import Open, give, wait_until

AXE = "axe-core@4.14.1"
SHA256 = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"


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
    found = page.evaluate("axe.run()")["violations"]
    return [f"{one['id']}: {[node['html'] for node in one['nodes']]}" for one in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_where_a_clip_is_looked_at(
    open_page: Open, axe: str, squats: Path, make_clip, tmp_path: Path, scheme: str
) -> None:
    page = open_page(color_scheme=scheme).page
    page.wait_for_selector("#start:visible")
    assert violations(page, axe) == []
    (tmp_path / "notes.mp4").write_text("no video")
    give(page, tmp_path / "notes.mp4")
    expect(page.locator("#message")).to_be_visible()
    assert violations(page, axe) == []
    long = make_clip("-f", "lavfi", "-i", "color=size=64x48:rate=1/4:duration=7200", "-preset", "ultrafast")
    (tmp_path / "long.mp4").write_bytes(long)
    give(page, tmp_path / "long.mp4")
    expect(page.locator("#go-on")).to_be_visible()
    assert violations(page, axe) == []
    page.locator("#cancel").click()
    give(page, squats)
    expect(page.locator("#segments canvas").first).to_be_visible()
    assert violations(page, axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_front_of_the_camera(open_page: Open, axe: str, scheme: str) -> None:
    script = """navigator.mediaDevices.getUserMedia = async () => {
        const canvas = document.createElement("canvas");
        canvas.getContext("2d").fillRect(0, 0, 10, 10);
        return canvas.captureStream(30);
    };"""
    page = open_page(script=script, color_scheme=scheme).page
    page.wait_for_selector("#start:visible")
    page.locator("#use-camera").click()
    expect(page.locator("#advice")).to_be_visible()
    assert violations(page, axe) == []
    wait_until(page, "document.getElementById('advice').textContent.includes('whole body')")
    page.locator("#stop").click()
    expect(page.locator("#leave")).to_be_visible()
    assert violations(page, axe) == []


def test_who_wants_no_motion_gets_none(open_page: Open, squats: Path) -> None:
    page = open_page(reduced_motion="reduce").page
    give(page, squats)
    expect(page.locator("#answer")).to_be_visible()
    page.wait_for_timeout(500)
    assert page.evaluate("document.getElementById('video').paused")
