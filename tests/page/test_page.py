"""The page in a real browser, Debian's Chromium, and the server as others might meet it."""

import base64
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from fitness_tracker.core.params import Limits
from fitness_tracker.page import messages
from fitness_tracker.page.jobs import Jobs
from fitness_tracker.prediction.predict import load_once, predict_clip
from fitness_tracker.video.ffmpeg import REASONS, ClipError, MachineError
from tests.projects import ROOT

pytestmark = pytest.mark.slow
PROGRAM = [sys.executable, "-m", "fitness_tracker.cli", "serve"]
PATIENCE = 90.0  # seconds, on a machine that others use
expect.set_options(timeout=1000 * PATIENCE)


class Server:
    """`fitness-tracker serve` with a place of its own for temporary files."""

    def __init__(self, temporary: Path, classifier: Path, *arguments: str) -> None:
        self.temporary = temporary
        self.process = subprocess.Popen(
            [*PROGRAM, "--port", "0", "--classifier", str(classifier), *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "TMPDIR": str(temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        found = re.match(r"(http://\S+:(\d+)/) ", self.process.stdout.readline())
        assert found, self.end()
        self.url, self.port = found[1], int(found[2])

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """The exit code and what it said on stderr."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said

    def kept(self) -> list[str]:
        """Files that people gave or will fetch."""
        return [str(path) for path in self.temporary.rglob("*") if path.is_file()]

    def request(self, method: str, path: str, body=None, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def server(taught: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("server"), taught, "--max-mb", "3", "--max-minutes", "2")
    yield running
    code, said = running.end()
    assert (code, said) == (0, "")
    assert list(running.temporary.iterdir()) == []


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    if not shutil.which("chromium"):
        pytest.skip("chromium is not installed: the page is not tested")
    with sync_playwright() as running:
        yield running


def launch(playwright: Playwright, *arguments: str) -> Browser:
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[*sandbox, *arguments])


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    running = launch(playwright)
    yield running
    running.close()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    context = browser.new_context()
    yield opened(context.new_page(), server)
    context.close()


def opened(page: Page, server: Server) -> Page:
    """The page; what it asks of the net goes to `page.asked`, what fails in it to `page.faults`."""
    page.asked, page.faults = [], []  # type: ignore[attr-defined]
    page.on("request", lambda request: page.asked.append(request.url))  # type: ignore[attr-defined]
    page.on("websocket", lambda opened: page.asked.append(opened.url))  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.faults.append(str(error)))  # type: ignore[attr-defined]
    page.on("console", lambda said: said.type == "error" and page.faults.append(said.text))  # type: ignore[attr-defined]
    page.goto(server.url)
    return page


def give(page: Page, path: Path) -> None:
    page.set_input_files("#file", str(path))


def drop(page: Page, path: Path) -> None:
    """Drops a file on the page, as a mouse does."""
    transfer = page.evaluate_handle(
        """([text, name]) => {
            const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name));
            return transfer;
        }""",
        [base64.b64encode(path.read_bytes()).decode(), path.name],
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event("#start", event, {"dataTransfer": transfer})


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.1)


def answer_of(page: Page) -> dict:
    return json.loads(page.locator("#json").text_content() or "")


@pytest.fixture(scope="module")
def squats(drawn: Path) -> Path:
    return drawn / "videos/squat/person02__1.mp4"


def test_a_dropped_clip_gets_its_answer_strip_and_overlay(page: Page, server: Server, squats: Path, taught) -> None:
    drop(page, squats)
    expect(page.locator("#overlay")).to_be_visible()
    expect(page.locator("#strip")).to_be_visible()
    expected = predict_clip(squats, taught)
    answer = answer_of(page)
    assert answer == {"path": squats.name, **json.loads(json.dumps(expected.to_json()))}
    expect(page.locator("#answer-exercise")).to_have_text(expected.exercise.replace("_", " "))
    expect(page.locator("#answer-confidence")).to_have_text(f"{expected.confidence:.0%}".replace("%", " %"))
    expect(page.locator("#segments tr")).to_have_count(len(expected.segments))
    wait_until(lambda: page.evaluate("document.getElementById('overlay').currentTime") > 0.3)  # it plays
    assert page.evaluate("document.getElementById('overlay').duration") == pytest.approx(expected.duration_s, abs=0.3)
    assert page.evaluate("document.getElementById('strip').naturalWidth") > 300
    assert page.faults == []  # type: ignore[attr-defined]
    wait_until(lambda: server.kept() == [])
    hosts = {url.split("/")[2] for url in page.asked if not url.startswith(("blob:", "data:"))}  # type: ignore[attr-defined]
    assert hosts == {f"127.0.0.1:{server.port}"}


def test_the_answer_can_be_taken_away(page: Page, squats: Path) -> None:
    give(page, squats)
    page.locator("summary").click()
    with page.expect_download() as download:
        page.locator("#download").click()
    assert json.loads(Path(download.value.path()).read_text()) == answer_of(page)
    expect(page.locator("#overlay")).to_be_visible()
    page.locator(".seek").first.click()
    page.locator("#again").click()
    expect(page.locator("#start")).to_be_visible()


def test_the_page_works_by_keyboard_alone(page: Page) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "file"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "use-camera"


@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_is_wider_than_the_screen(page: Page, squats: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    for section in ("#start", "#answer"):
        expect(page.locator(section)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if section == "#start":
            give(page, squats)
            expect(page.locator("#overlay")).to_be_visible()


def test_a_text_file_named_mp4_gets_a_kind_message(page: Page, server: Server, tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("no video at all\n" * 100)
    drop(page, tmp_path / "notes.mp4")
    expect(page.locator("#message")).to_have_text(messages.NO_VIDEO)
    expect(page.locator("#start")).to_be_visible()
    wait_until(lambda: server.kept() == [])


def test_an_empty_file_is_told(page: Page, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    give(page, tmp_path / "empty.mp4")
    expect(page.locator("#message")).to_have_text(messages.EMPTY)


def test_nobody_in_sight_is_told(page: Page, make_clip, tmp_path: Path) -> None:
    (tmp_path / "empty room.mp4").write_bytes(make_clip())
    give(page, tmp_path / "empty room.mp4")
    expect(page.locator("#answer-exercise")).to_have_text("nobody in sight")
    expect(page.locator("#answer-note")).to_contain_text("No person was found")
    expect(page.locator("#overlay")).to_be_visible()


def test_three_frames_get_an_answer(page: Page, squats: Path, make_clip, tmp_path: Path) -> None:
    (tmp_path / "short.mp4").write_bytes(make_clip("-i", str(squats), "-frames:v", "3"))
    give(page, tmp_path / "short.mp4")
    expect(page.locator("#overlay")).to_be_visible()
    assert answer_of(page)["duration_s"] < 1


def test_a_clip_of_two_hours_is_refused_at_once(page: Page, server: Server, make_clip, tmp_path: Path) -> None:
    two_hours = make_clip("-f", "lavfi", "-i", "color=size=64x48:rate=1/4:duration=7200", "-preset", "ultrafast")
    (tmp_path / "long.mp4").write_bytes(two_hours)
    give(page, tmp_path / "long.mp4")
    expect(page.locator("#message")).to_have_text(messages.too_long(2))
    wait_until(lambda: server.kept() == [])


def test_a_file_too_large_is_refused_before_it_is_sent(page: Page, tmp_path: Path) -> None:
    (tmp_path / "large.mp4").write_bytes(bytes(3_000_001))
    give(page, tmp_path / "large.mp4")
    expect(page.locator("#message")).to_have_text(messages.too_large(3))
    assert not any(url.endswith("/clips") for url in page.asked)  # type: ignore[attr-defined]


def test_two_people_at_once_get_their_own_answers(browser: Browser, server: Server, drawn: Path, taught: Path) -> None:
    clips = [drawn / f"videos/{exercise}/person03__1.mp4" for exercise in ("squat", "jumping_jack")]
    contexts = [browser.new_context() for _ in clips]
    pages = [opened(context.new_page(), server) for context in contexts]
    for page, clip in zip(pages, clips, strict=True):
        give(page, clip)
    for page, clip in zip(pages, clips, strict=True):
        expect(page.locator("#overlay")).to_be_visible()
        expected = json.loads(json.dumps(predict_clip(clip, taught).to_json()))
        assert answer_of(page) == {"path": clip.name, **expected}
    for context in contexts:
        context.close()
    wait_until(lambda: server.kept() == [])


def test_who_closes_the_page_leaves_nothing(browser: Browser, server: Server, squats: Path) -> None:
    context = browser.new_context()
    page = opened(context.new_page(), server)
    give(page, squats)
    page.wait_for_selector("#progress:not([hidden]), #answer:not([hidden])")
    context.close()
    wait_until(lambda: server.kept() == [])


def test_cancel_leads_back_to_the_start(page: Page, server: Server, squats: Path) -> None:
    page.evaluate("XMLHttpRequest.prototype.send = () => {}")  # an upload that takes for ever
    give(page, squats)
    page.locator("#cancel").click()
    expect(page.locator("#start")).to_be_visible()
    assert server.kept() == []


@pytest.fixture(scope="module")
def camera_clip(squats: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody who squats four times, and then stands for so long that it does not matter when the camera stops."""
    path = tmp_path_factory.mktemp("camera") / "camera.mp4"
    filters = "loop=loop=3:size=300:start=0,tpad=stop_mode=clone:stop_duration=60,fps=30"
    run_ffmpeg("-i", str(squats), "-vf", filters, str(path))
    return path


def run_ffmpeg(*arguments: str) -> None:
    subprocess.run([get_ffmpeg_exe(), "-loglevel", "error", "-y", *arguments], check=True)


@pytest.fixture(scope="module")
def camera(playwright: Playwright, camera_clip: Path) -> Iterator[Browser]:
    """A browser whose camera shows that clip; Chromium plays MJPEG at 30 frames a second."""
    film = camera_clip.with_suffix(".mjpeg")
    run_ffmpeg("-i", str(camera_clip), "-c:v", "mjpeg", "-q:v", "5", str(film))
    running = launch(
        playwright, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    )  # fmt: skip
    yield running
    running.close()


def test_a_camera_is_counted_live(camera: Browser, server: Server, camera_clip: Path, taught: Path) -> None:
    context = camera.new_context(viewport={"width": 390, "height": 844})
    page = opened(context.new_page(), server)
    page.locator("#use-camera").click()
    wait_until(lambda: page.evaluate("document.getElementById('camera').currentTime") > 20)  # four squats, and a while
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    canvas = page.evaluate(
        "[...document.getElementById('skeleton').getContext('2d').getImageData(0, 0, 640, 480).data].some((n) => n > 0)"
    )
    assert canvas, "no skeleton is drawn"
    page.locator("#stop").click()
    expect(page.locator("#leave")).to_be_visible()
    frames = camera_clip.with_name("first.mp4")
    run_ffmpeg("-i", str(camera_clip), "-t", "20", str(frames))
    expected = predict_clip(frames, taught)
    counts = [int(number) for number in re.findall(r"\S (\d+)", page.locator("#sets").inner_text())]
    assert sum(counts) > 0
    assert abs(sum(counts) - (expected.repetitions or 0)) <= 1
    assert page.faults == []  # type: ignore[attr-defined]
    hosts = {url.split("/")[2] for url in page.asked}  # type: ignore[attr-defined]
    assert hosts == {f"127.0.0.1:{server.port}"}
    context.close()


def test_a_camera_that_is_unplugged_keeps_what_was_counted(camera: Browser, server: Server) -> None:
    context = camera.new_context()
    page = opened(context.new_page(), server)
    page.locator("#use-camera").click()
    expect(page.locator("#sets-card")).to_be_visible()
    page.evaluate("document.getElementById('camera').srcObject.getVideoTracks()[0].dispatchEvent(new Event('ended'))")
    expect(page.locator("#message")).to_contain_text("unplugged")
    expect(page.locator("#sets-card")).to_be_visible()
    page.locator("#leave").click()
    expect(page.locator("#start")).to_be_visible()
    context.close()


def test_no_camera_is_told(page: Page) -> None:
    page.locator("#use-camera").click()
    expect(page.locator("#message")).to_contain_text("amera")
    expect(page.locator("#start")).to_be_visible()


# What follows needs no browser.


def test_the_headers_forbid_all_that_is_elsewhere(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    for path in ("/", "/static/page.js", "/nothing"):
        connection.request("GET", path)
        response = connection.getresponse()
        text = response.read().decode()
        assert response.headers["Content-Security-Policy"].startswith("default-src 'self';")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    connection.close()


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[", "localhost.evil"]
)
def test_a_foreign_name_is_refused(server: Server, host: str) -> None:
    assert server.request("GET", "/", Host=host)[0] in (400, 403)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:7860", "LOCALHOST:80"])
def test_an_own_name_is_taken(server: Server, host: str) -> None:
    assert server.request("GET", "/", Host=host)[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_other_sites_may_not_give_clips_or_cameras(server: Server, origin: str) -> None:
    assert server.request("POST", "/clips", b"clip", Origin=origin)[0] == 403
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"}
    assert server.request("GET", "/camera", Sec_WebSocket_Key="x" * 22 + "==", Origin=origin, **upgrade)[0] == 403


@pytest.mark.parametrize(
    "path", ["/clips/x/events", "/clips/../../etc/passwd", "/clips/x/overlay.mp4", "/static/..%2fserver.py"]
)
def test_what_is_not_there_is_not_found(server: Server, path: str) -> None:
    assert server.request("GET", path)[0] == 404


def test_an_upload_too_large_is_cut_off(server: Server) -> None:
    assert server.request("POST", "/clips", bytes(3_000_001))[0] == 413
    chunks = (bytes(10**5) for _ in range(31))  # it does not tell its size before
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as raw:
        raw.sendall(b"POST /clips HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        for chunk in chunks:
            raw.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        assert raw.recv(100).startswith(b"HTTP/1.1 413")
    wait_until(lambda: server.kept() == [])


def test_an_upload_that_breaks_off_leaves_nothing(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as raw:
        raw.sendall(b"POST /clips HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n" + bytes(10**6))
        wait_until(lambda: server.kept() != [])
    wait_until(lambda: server.kept() == [])


def test_an_answer_that_nobody_waits_for_is_given_up(
    taught: Path, squats: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fitness_tracker.page.jobs.GRACE", 0.0)
    jobs = Jobs(load_once(taught), tmp_path, Limits())
    left = [jobs.begin() for _ in range(3)]
    for job in left:
        assert job
        shutil.copy(squats, job.clip)
        jobs.submit(job)
    assert jobs.describe(left[2])["before"] == 2  # type: ignore[arg-type]
    wait_until(lambda: left[0].frames > 0)  # type: ignore[union-attr]
    jobs.sweep()
    wait_until(lambda: list(tmp_path.iterdir()) == [])
    assert jobs.jobs == {}
    jobs.close()


def test_pictures_that_nobody_fetches_are_deleted(
    taught: Path, squats: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = Jobs(load_once(taught), tmp_path, Limits())
    job = jobs.begin()
    assert job
    shutil.copy(squats, job.clip)
    jobs.submit(job)
    wait_until(lambda: job.over)
    assert job.stage == "done"
    assert sorted(path.name for path in job.folder.iterdir()) == ["overlay.mp4", "strip.png"]
    jobs.sweep()
    assert job.folder.is_dir()
    monkeypatch.setattr("fitness_tracker.page.jobs.KEEP", 0.0)
    jobs.sweep()
    assert not job.folder.exists()
    jobs.close()


def test_too_many_clips_are_refused(taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fitness_tracker.page.jobs.MOST", 1)
    jobs = Jobs(load_once(taught), tmp_path, Limits())
    assert jobs.begin()
    assert jobs.begin() is None
    jobs.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("reason", sorted(set(REASONS.values())))
def test_every_reason_of_ffmpeg_has_kind_words(reason: str) -> None:
    said = messages.explain(ClipError(f"does not decode ({reason}); replace it or take it away"), 30)
    assert said != messages.FAULT
    assert "limits." not in said
    assert (said == messages.NO_VIDEO) == (reason == "it is no video file")


def test_a_machine_in_want_is_told() -> None:
    assert messages.explain(MachineError("ffmpeg was killed"), 30) == messages.SHORT_OF_MEMORY
    assert messages.explain(OSError(28, "No space left on device"), 30) == messages.FULL_DISK


def serve(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, check=False, timeout=PATIENCE)


def test_a_port_in_use_is_told_in_one_line(server: Server, taught: Path) -> None:
    done = serve("--port", str(server.port), "--classifier", str(taught))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"fitness-tracker: port {server.port} is in use; name another by --port\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "99999"], "cannot listen on 127.0.0.1, port 99999"),
        (["--port", "0", "--classifier", "nowhere"], "holds no classifier"),
        (["--max-mb", "0"], "--max-mb 0: must be above 0"),
    ],
)
def test_what_cannot_be_served_is_told_in_one_line(arguments: list[str], said: str) -> None:
    done = serve(*arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_the_middle_without_a_trace(
    taught: Path, squats: Path, tmp_path: Path, number: signal.Signals
) -> None:
    running = Server(tmp_path, taught, "--host", "0.0.0.0")
    assert running.request("POST", "/clips", squats.read_bytes())[0] == 200
    code, said = running.end(number)
    assert code == 0
    assert said.count("\n") == 1  # the warning: whoever reaches the machine can use it
    assert "no password" in said
    assert list(tmp_path.iterdir()) == []
