"""The live camera: its pictures are those of a film, by the film's own clock, so that no count hangs on how fast this
machine is; and once Chromium's own camera, as fast as it runs."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from fitness_tracker.prediction.predict import predict_clip
from tests.web.conftest import Open, Opened, Server, go_back, launch, run_ffmpeg, wait_until
from tests.web.test_page import pixels_drawn

Film = Callable[[Path], Opened]

# A camera that shows the next picture of the film once the page has answered for the one before. The page's clock is
# the film's: `film` has its seconds, those where it waits, and whether it is over. What an earlier film still does
# changes nothing: only the `shown` one is asked and answered, and may be over.
CAMERA = """(() => {
    self.film = { seconds: 0, until: Infinity, isOver: false };
    performance.now = () => 1000 * film.seconds;
    let shown = null;
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (message, ...more) {
        if (message.name === "look") {
            const mine = shown;
            mine.asked(true);
            this.addEventListener("message", ({ data }) => data.job === message.job && mine.answered());
        }
        return post.call(this, message, ...more);
    };
    const show = async (mine, track, draw) => {
        const done = new Promise((resolve) => (mine.answered = resolve));
        for (let isAsked = false; !isAsked && track.readyState === "live";) { // the page may not be ready for pictures
            draw();
            track.requestFrame();
            isAsked = await new Promise((resolve) => { mine.asked = resolve; setTimeout(resolve, 50, false); });
        }
        if (track.readyState === "live") await done;
    };
    navigator.mediaDevices.getUserMedia = async () => {
        const mine = shown = { asked() {}, answered() {} };
        film.isOver = false;
        const { openVideo, readFrames } = await import("./video/read.js");
        const video = await openVideo(await (await fetch("a-film")).blob());
        const [{ width, height }, begin] = [video, film.seconds];
        const canvas = Object.assign(document.createElement("canvas"), { width, height });
        const context = canvas.getContext("2d");
        const stream = canvas.captureStream(0);
        const [track] = stream.getVideoTracks();
        readFrames(video, RATE, async (sample, n) => {
            if (track.readyState !== "live") return;
            film.seconds = begin + n / RATE;
            await show(mine, track, () => sample.draw(context, 0, 0, width, height));
            while (film.seconds >= film.until) await new Promise((resolve) => setTimeout(resolve, 20));
        }).then(() => mine === shown && (film.isOver = true));
        return stream;
    };
})();""".replace("RATE", "10")  # pictures a second: the classifier's pace


@pytest.fixture(scope="module")
def phone(browser: Browser, server: Server) -> Iterator[Opened]:
    """One page for all films."""
    context = browser.new_context(locale="en-GB", service_workers="block", viewport={"width": 390, "height": 844})
    context.add_init_script(CAMERA)
    yield Opened(context, server.url)
    context.close()


@pytest.fixture
def film(phone: Opened) -> Iterator[Film]:
    """film(clip) -> a page whose camera shows that clip, once."""

    def play(clip: Path) -> Opened:
        phone.page.context.route("**/a-film", lambda route: route.fulfill(body=clip.read_bytes()))
        phone.page.wait_for_selector("#start:visible")
        phone.page.evaluate("film.until = Infinity")
        return phone

    yield play
    phone.page.context.unroute("**/a-film")
    go_back(phone.page)


@pytest.fixture
def filmed_by_chromium(playwright: Playwright, server: Server, tmp_path: Path) -> Iterator[Film]:
    """The same by the camera of Chromium, which shows MJPEG over and over, 30 frames a second."""
    browsers: list[Browser] = []

    def play(clip: Path) -> Opened:
        frames = tmp_path / f"{clip.stem}.mjpeg"
        run_ffmpeg("-i", str(clip), "-r", "30", "-c:v", "mjpeg", "-q:v", "5", str(frames))
        browsers.append(
            launch(
                playwright, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-video-capture={frames}",
            )
        )  # fmt: skip
        opened = Opened(browsers[-1].new_context(locale="en-GB"), server.url)
        opened.page.wait_for_selector("#start:visible")
        return opened

    yield play
    for browser in browsers:
        browser.close()


def film_of(path: Path, clip: Path, graph: str) -> Path:
    run_ffmpeg("-i", str(clip), "-filter_complex", graph, "-map", "[v]", str(path))
    return path


def start(page: Page) -> None:
    page.locator("#use-camera").click()
    wait_until(page, "document.getElementById('rate').textContent !== ''")


@pytest.fixture(scope="module")
def squatting(squats: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody who squats three times, and then stands for a while."""
    graph = "[0:v]loop=loop=2:size=300:start=0,tpad=stop_mode=clone:stop_duration=2[v]"
    return film_of(tmp_path_factory.mktemp("camera") / "camera.mp4", squats, graph)


def test_a_camera_is_counted_live(film: Film, squatting: Path, taught: Path, server: Server) -> None:
    opened = film(squatting)
    page = opened.page
    page.evaluate("() => { window.said = []; speechSynthesis.speak = ({ text }) => said.push(text); }")
    assert not page.locator("#aloud").is_checked()
    page.evaluate("film.until = film.seconds + 4")
    start(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    wait_until(page, "film.seconds >= film.until")
    assert pixels_drawn(page, "#camera-overlay") > 1000
    page.set_viewport_size({"width": 740, "height": 360})  # a phone on its side
    for seen in ("#screen", "#live-exercise", "#stop"):
        box = page.locator(seen).bounding_box()
        assert box
        assert box["y"] + box["height"] <= 360
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("said") == []  # aloud only if wanted
    page.locator("#aloud").check()
    page.evaluate("film.until = Infinity")
    wait_until(page, "film.isOver")
    page.locator("#stop").click()
    expect(page.locator("#leave")).to_be_visible()
    expected = predict_clip(squatting, taught)
    counts = [int(number) for number in re.findall(r" (\d+)$", page.locator("#sets").inner_text(), re.MULTILINE)]
    assert sum(counts) > 0
    assert abs(sum(counts) - (expected.repetitions or 0)) <= 1
    assert page.locator("#live-spoken").text_content()
    said = [text for text in page.evaluate("said") if text.isdigit()]
    assert said
    assert said == [str(number) for number in sorted(map(int, said))]
    assert opened.faults == []
    assert opened.hosts == {f"127.0.0.1:{server.port}"}


@pytest.mark.parametrize(
    ("graph", "advice"),
    [
        ("[0:v]crop=iw:ih*0.62:0:0,scale=640:480[v]", "Step back"),
        ("[0:v]split[a][b];[b]hflip[c];[a][c]hstack[v]", "Several people"),
        ("color=color=0x080808:size=640x480:rate=10:duration=2.5[v]", "too dark"),
        ("testsrc2=size=640x480:rate=10:duration=4[v]", "Come closer"),  # BlazePose sees somebody small in it
        ("color=color=0x909090:size=640x480:rate=10:duration=2.5[v]", "whole body"),
    ],
    ids=["feet outside", "two people", "dark", "patterns", "nobody"],
)  # fmt: skip
def test_it_says_what_it_needs_and_counts_nothing_before(
    film: Film, squats: Path, tmp_path: Path, graph: str, advice: str
) -> None:
    page = film(film_of(tmp_path / "film.mp4", squats, graph)).page
    page.evaluate("""() => {
        const place = document.getElementById("advice");
        film.advice = "";
        new MutationObserver(() => (film.advice += place.textContent)).observe(place, { childList: true });
    }""")
    start(page)
    page.evaluate("film.advice = ''")  # what was there before the first answer says nothing
    wait_until(page, "film.isOver")
    assert advice in page.evaluate("film.advice + document.getElementById('advice').textContent")
    page.locator("#stop").click()
    expect(page.locator("#leave")).to_be_visible()
    expect(page.locator("#sets-card")).to_be_hidden()
    if advice == "whole body":
        expect(page.locator("#live-exercise")).to_have_text("Nothing was counted")
        expect(page.locator("#teach")).to_be_hidden()


def test_a_camera_that_is_unplugged_keeps_what_was_counted(film: Film, squatting: Path) -> None:
    page = film(squatting).page
    start(page)
    camera = "document.getElementById('camera').srcObject.getVideoTracks()[0]"
    page.evaluate(f"{camera}.dispatchEvent(new Event('mute'))")
    expect(page.locator("#advice")).to_contain_text("gives no picture")
    page.evaluate(f"{camera}.dispatchEvent(new Event('unmute'))")
    expect(page.locator("#sets-card")).to_be_visible()
    page.evaluate(f"{camera}.dispatchEvent(new Event('ended'))")
    expect(page.locator("#message")).to_contain_text("unplugged")
    expect(page.locator("#sets-card")).to_be_visible()
    page.locator("#live-again").click()
    wait_until(page, "document.getElementById('rate').textContent !== ''")
    expect(page.locator("#sets-card")).to_be_visible()  # one goes on with what was counted
    page.locator("#stop").click()
    expect(page.locator("#leave")).to_be_visible()
    expect(page.locator("#sets-card")).to_be_visible()
    page.locator("#leave").click()
    expect(page.locator("#start")).to_be_visible()


def test_chromiums_own_camera_is_looked_at(filmed_by_chromium: Film, squatting: Path) -> None:
    opened = filmed_by_chromium(squatting)
    start(opened.page)  # what is counted hangs on how fast this machine is
    assert pixels_drawn(opened.page, "#camera-overlay") > 1000
    opened.page.locator("#stop").click()
    expect(opened.page.locator("#leave")).to_be_visible()
    assert opened.faults == []


@pytest.mark.torture
def test_ten_frames_a_second_are_looked_at(filmed_by_chromium: Film, squatting: Path) -> None:
    """On a machine that does nothing else; without stutter: the page itself draws as many pictures as screens show."""
    page = filmed_by_chromium(squatting).page
    start(page)
    expect(page.locator("#sets-card")).to_be_visible()
    rates, longest = (
        [],
        page.evaluate("""async () => {
        let [before, longest] = [performance.now(), 0];
        for (let n = 0; n < 300; n++) {
            const now = await new Promise(requestAnimationFrame);
            [before, longest] = [now, Math.max(longest, now - before)];
        }
        return longest;
    }"""),
    )
    for _ in range(10):
        page.wait_for_timeout(1000)
        rates.append(int(re.sub(r"\D", "", page.locator("#rate").inner_text())))
    print(f"frames a second: {rates}; the longest time between two pictures of the page: {longest:.0f} ms")
    assert sorted(rates)[len(rates) // 2] >= 10
    assert longest < 250


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("NotAllowedError", "not allowed"),
        ("NotFoundError", "No camera"),
        ("NotReadableError", "another program"),
    ],
)
def test_a_camera_that_does_not_start_is_told(open_page: Open, error: str, told: str) -> None:
    script = f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('', '{error}'); }};"
    page = open_page(script=script, networks=False).page
    page.wait_for_selector("#start:visible")
    page.locator("#use-camera").click()
    expect(page.locator("#message")).to_contain_text(told)
    expect(page.locator("#start")).to_be_visible()


def test_a_page_without_https_is_told(open_page: Open) -> None:
    script = "Object.defineProperty(navigator, 'mediaDevices', { value: undefined });"
    page = open_page(script=script, networks=False).page
    page.wait_for_selector("#start:visible")
    page.locator("#use-camera").click()
    expect(page.locator("#message")).to_contain_text("https")


# What a session remembers, by the module alone.


def of_squats(start: float, end: float, *times: float) -> dict[str, Any]:
    return {
        "start_s": start, "end_s": end, "exercise": "squat", "confidence": 0.9, "repetitions": len(times),
        "held_s": None, "times_s": list(times),
    }  # fmt: skip


def test_others_are_looked_for_where_the_followed_one_is_not(page: Page) -> None:
    """The detector of people finds the plainest one alone."""
    colours = page.evaluate("""async () => {
        const { Adviser } = await import("./advice.js");
        const [width, height] = [640, 480];
        const image = new Float32Array(132).map((_, n) => [100 + n / 4, 100 + n, 0, 1][n % 4]); // to x = 132, y = 229
        let seen = null;
        const adviser = new Adviser({ detect: async (picture) => { seen = picture; return []; } });
        const frame = { width, height, data: new Uint8ClampedArray(4 * width * height).fill(200) };
        await adviser.isSomebodyElse(frame, { image, region: { centre: [115, 165], up: [0, -80] } });
        const at = (picture, x, y) => picture.data[4 * (y * width + x)];
        return [at(seen, 115, 165), at(seen, 80, 165), at(seen, 115, 300), at(frame, 115, 165)];
    }""")
    assert colours == [0, 200, 200, 200]


def test_the_log_keeps_what_is_let_go(page: Page) -> None:
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


def test_who_comes_back_when_all_was_let_go_is_counted_on(page: Page) -> None:
    exercises = page.evaluate("""async () => {
        const { LiveSession } = await import("./live.js");
        const { EXERCISES, HELD } = await import("./models/classifier.js");
        const squat = Float64Array.from(EXERCISES, (name) => (name === "squat" ? 1 : 0));
        const image = new Float32Array(132).map((_, n) => (n % 4 === 1 ? 100 + 2 * n : 300));
        const world = new Float32Array(99).map((_, n) => (n % 3 === 1 ? n / 99 : (n % 2) / 5));
        const pose = { image, world, region: { centre: [300, 200], up: [0, -80] } };
        const frame = { width: 640, height: 480, data: new Uint8ClampedArray(4000).fill(200) };
        const found = [];
        for (const back of [6.02, 6.07]) { // before the next frame of the grid is due, and after
            let seen = true;
            const tracker = { locate: async () => (seen ? pose : null), detect: async () => [] };
            const predict = async (landmarks) => {
                const frames = Array(landmarks.length).fill(squat);
                return { exercises: EXERCISES, held: HELD, frames, probabilities: squat, landmarks };
            };
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


def test_the_grid_interpolates_between_frames_and_bridges_no_long_gap(page: Page) -> None:
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
