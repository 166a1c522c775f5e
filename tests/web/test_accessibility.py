"""axe-core finds nothing, in any state, light and dark."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.web.conftest import Open, give, violations, wait_until


def test_axe_finds_nothing_where_a_clip_is_looked_at(
    page: Page, axe: str, squats: Path, make_clip, tmp_path: Path
) -> None:
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


def test_axe_finds_nothing_in_front_of_the_camera(open_page: Open, axe: str) -> None:
    script = """navigator.mediaDevices.getUserMedia = async () => {
        const canvas = document.createElement("canvas");
        canvas.getContext("2d").fillRect(0, 0, 10, 10);
        return canvas.captureStream(30);
    };"""
    page = open_page(script=script).page
    page.wait_for_selector("#start:visible")
    page.locator("#use-camera").click()
    expect(page.locator("#advice")).to_be_visible()
    assert violations(page, axe) == []
    wait_until(page, "document.getElementById('advice').textContent.includes('whole body')")
    page.locator("#stop").click()
    expect(page.locator("#leave")).to_be_visible()
    assert violations(page, axe) == []


def test_who_wants_no_motion_gets_none(page: Page, squats: Path) -> None:
    page.emulate_media(reduced_motion="reduce")
    give(page, squats)
    expect(page.locator("#answer")).to_be_visible()
    page.wait_for_timeout(500)
    assert page.evaluate("document.getElementById('video').paused")
