"""The live camera: Chromium's camera shows a film."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from fitness_tracker.prediction.predict import predict_clip
from tests.web.conftest import Opened, launch, run_ffmpeg, wait_until
from tests.web.test_page import pixels_drawn

Film = Callable[[Path], Opened]


@pytest.fixture
def film(playwright: Playwright, server, tmp_path: Path) -> Iterator[Film]:
    """film(clip) -> a page whose camera shows that clip, over and over; Chromium plays MJPEG at 30 frames a second."""
    browsers: list[Browser] = []

    def play(clip: Path, **options: Any) -> Opened:
        frames = tmp_path / f"{clip.stem}.mjpeg"
        run_ffmpeg("-i", str(clip), "-r", "30", "-c:v", "mjpeg", "-q:v", "5", str(frames))
        browsers.append(
            launch(
                playwright, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-video-capture={frames}",
            )
        )  # fmt: skip
        context = browsers[-1].new_context(locale="en-GB", viewport={"width": 390, "height": 844}, **options)
        opened = Opened(context, server.url)
        opened.page.wait_for_selector("#start:visible")
        opened.page.evaluate("async () => { await (await import('./page/client.js')).ask('load'); }")
        return opened

    yield play
    for browser in browsers:
        browser.close()


def film_of(path: Path, *clips: Path, graph: str) -> Path:
    run_ffmpeg(
        *(word for clip in clips for word in ("-i", str(clip))), "-filter_complex", graph, "-map", "[v]", str(path)
    )
    return path


def start(page: Page) -> None:
    page.locator("#use-camera").click()
    wait_until(page, "document.getElementById('rate').textContent !== ''")


@pytest.fixture(scope="module")
def four_squats(squats: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody who squats four times, and then stands for so long that it does not matter when the camera stops."""
    graph = "[0:v]loop=loop=3:size=300:start=0,tpad=stop_mode=clone:stop_duration=60,fps=30[v]"
    return film_of(tmp_path_factory.mktemp("camera") / "camera.mp4", squats, graph=graph)


def test_a_camera_is_counted_live(film: Film, four_squats: Path, taught: Path, server, tmp_path: Path) -> None:
    opened = film(four_squats)
    page = opened.page
    start(page)
    wait_until(page, "document.getElementById('camera').currentTime > 20")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert pixels_drawn(page, "#camera-overlay") > 1000
    page.locator("#stop").click()
    expect(page.locator("#leave")).to_be_visible()
    first = tmp_path / "first.mp4"
    run_ffmpeg("-i", str(four_squats), "-t", "20", str(first))
    expected = predict_clip(first, taught)
    counts = [int(number) for number in re.findall(r" (\d+)$", page.locator("#sets").inner_text(), re.MULTILINE)]
    assert sum(counts) > 0
    assert abs(sum(counts) - (expected.repetitions or 0)) <= 1
    assert page.locator("#live-spoken").text_content()
    assert opened.faults == []
    assert opened.hosts == {f"127.0.0.1:{server.port}"}


def test_the_count_is_said_aloud_only_if_wanted(film: Film, four_squats: Path) -> None:
    page = film(four_squats).page
    page.evaluate("() => { window.said = []; speechSynthesis.speak = ({ text }) => said.push(text); }")
    assert not page.locator("#aloud").is_checked()
    start(page)
    page.locator("#aloud").check()
    wait_until(page, "said.length > 0")
    assert page.evaluate("said.every((text) => /^\\d+$/.test(text))")


@pytest.mark.parametrize(
    ("graph", "advice"),
    [
        ("[0:v]crop=iw:ih*0.62:0:0,scale=640:480[v]", "Step back"),
        ("[0:v]crop=iw*0.6:ih,split[a][b];[b]hflip[c];[a][c]hstack,scale=640:-2[v]", "Several people"),
        ("color=color=0x080808:size=640x480:rate=30:duration=4[v]", "too dark"),
        ("testsrc2=size=640x480:rate=30:duration=4[v]", "Come closer"),  # BlazePose sees somebody small in it
        ("color=color=0x909090:size=640x480:rate=30:duration=4[v]", "Nobody"),
    ],
    ids=["feet outside", "two people", "dark", "patterns", "nobody"],
)  # fmt: skip
def test_it_says_what_it_needs_and_counts_nothing_before(
    film: Film, squats: Path, tmp_path: Path, graph: str, advice: str
) -> None:
    page = film(film_of(tmp_path / "film.mp4", squats, graph=graph)).page
    start(page)
    expect(page.locator("#advice")).to_contain_text(advice)
    page.wait_for_timeout(6000)
    expect(page.locator("#sets-card")).to_be_hidden()


def test_a_camera_that_is_unplugged_keeps_what_was_counted(film: Film, four_squats: Path) -> None:
    page = film(four_squats).page
    start(page)
    expect(page.locator("#sets-card")).to_be_visible()
    page.evaluate("document.getElementById('camera').srcObject.getVideoTracks()[0].dispatchEvent(new Event('ended'))")
    expect(page.locator("#message")).to_contain_text("unplugged")
    expect(page.locator("#sets-card")).to_be_visible()
    page.locator("#live-again").click()
    wait_until(page, "document.getElementById('rate').textContent !== ''")
    page.locator("#stop").click()
    page.locator("#leave").click()
    expect(page.locator("#start")).to_be_visible()


def test_a_camera_that_gives_no_picture_is_told(film: Film, four_squats: Path) -> None:
    page = film(four_squats).page
    start(page)
    page.evaluate("""() => {
        const camera = document.getElementById("camera");
        camera.pause();
        camera.srcObject.getVideoTracks()[0].dispatchEvent(new Event("mute"));
    }""")
    expect(page.locator("#advice")).to_contain_text("gives no picture")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("NotAllowedError", "was told not to give"),
        ("NotFoundError", "No camera"),
        ("NotReadableError", "another program"),
    ],
)
def test_a_camera_that_does_not_start_is_told(open_page, error: str, told: str) -> None:
    script = f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('', '{error}'); }};"
    page = open_page(script=script).page
    page.wait_for_selector("#start:visible")
    page.locator("#use-camera").click()
    expect(page.locator("#message")).to_contain_text(told)
    expect(page.locator("#start")).to_be_visible()


def test_a_page_without_https_is_told(open_page) -> None:
    page = open_page(script="Object.defineProperty(navigator, 'mediaDevices', { value: undefined });").page
    page.wait_for_selector("#start:visible")
    page.locator("#use-camera").click()
    expect(page.locator("#message")).to_contain_text("https")


# What a session remembers, by the module alone.


def of_squats(start: float, end: float, *times: float) -> dict[str, Any]:
    return {
        "start_s": start, "end_s": end, "exercise": "squat", "confidence": 0.9, "repetitions": len(times),
        "held_s": None, "times_s": list(times),
    }  # fmt: skip


def test_the_log_keeps_what_is_let_go(open_page) -> None:
    page = open_page().page
    rest = {**of_squats(0, 4), "exercise": "none", "repetitions": None}
    cut, segments = page.evaluate(
        """async ([first, second]) => {
        const { SetLog } = await import("./sets.js");
        const log = new SetLog();
        log.segments = first;
        const cut = log.forget(9.3, 10);
        log.segments = second;
        return [cut, log.everything()];
    }""",
        [[rest, of_squats(4, 20, 6, 8, 10, 12, 14)], [of_squats(9, 24, 9, 10, 12, 14, 16)]],
    )
    assert cut == 9
    (whole,) = segments  # 9 is too near to 8 to be another one
    assert (whole["start_s"], whole["end_s"], whole["times_s"]) == (4, 24, [6, 8, 10, 12, 14, 16])


def test_who_comes_back_when_all_was_let_go_is_counted_on(open_page) -> None:
    page = open_page().page
    exercises = page.evaluate("""async () => {
        const { LiveSession } = await import("./live.js");
        const { EXERCISES } = await import("./models/classifier.js");
        const squat = Float64Array.from(EXERCISES, (name) => (name === "squat" ? 1 : 0));
        const image = new Float32Array(132).map((_, n) => (n % 4 === 1 ? 100 + 2 * n : 300));
        const world = new Float32Array(99).map((_, n) => (n % 3 === 1 ? n / 99 : (n % 2) / 5));
        const pose = { image, world, region: { centre: [300, 200], up: [0, -80] } };
        const frame = { width: 640, height: 480, data: new Uint8ClampedArray(4000).fill(200) };
        const found = [];
        for (const back of [6.02, 6.07]) { // before the next frame of the grid is due, and after
            let seen = true;
            const tracker = { locate: async () => (seen ? pose : null), detect: async () => [] };
            const predict = async (landmarks) =>
                ({ frames: Array.from({ length: landmarks.length }, () => squat), probabilities: squat, landmarks });
            const session = new LiveSession(tracker, { predict });
            for (let seconds = 0; seconds < back; seconds += 0.2) {
                seen = seconds < 2;
                await session.add(frame, seconds, 640, 480);
            }
            seen = true;
            for (let n = 0; n < 5; n++) {
                await session.add(frame, back + n / 5, 640, 480);
                await session.pending;
            }
            found.push((await session.finish()).exercise);
        }
        return found;
    }""")
    assert exercises == ["squat", "squat"]


def test_the_grid_interpolates_between_frames_and_bridges_no_long_gap(open_page) -> None:
    page = open_page().page
    places = page.evaluate("""async () => {
        const { LandmarkGrid } = await import("./sets.js");
        const of = (times) => {
            const grid = new LandmarkGrid(10);
            for (const time of times) grid.add({ image: Float64Array.of(time), world: Float64Array.of(time) }, time);
            return grid.poses.map((pose) => pose && Number(pose.image[0].toFixed(6)));
        };
        return [of([0, 0.07, 0.14, 0.3, 0.33]), of([0, 1])];
    }""")
    assert places == [[0, 0.1, 0.2, 0.3], [0, *[None] * 9, 1]]
