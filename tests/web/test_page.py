"""The page for a clip: what people see, and what they are told when something goes wrong."""

import base64
import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from fitness_tracker.corpus.catalog import read_exercises
from fitness_tracker.models.classifier import NONE
from fitness_tracker.prediction.formats import CSV_COLUMNS
from fitness_tracker.prediction.predict import predict_clip
from tests.projects import ROOT
from tests.web.conftest import PATIENCE, Open, give, run_ffmpeg, wait_until

LANGUAGES = ("en", "de", "es", "fr")
NO_WEBCODECS = "delete self.VideoDecoder; delete self.VideoEncoder;\n"


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
        page.dispatch_event("body", event, {"dataTransfer": transfer})


def downloaded(page: Page, button: str) -> str:
    with page.expect_download() as download:
        page.locator(button).click()
    return Path(download.value.path()).read_text()


def pixels_drawn(page: Page, canvas: str) -> int:
    return page.evaluate(
        """(id) => { const canvas = document.querySelector(id);
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return data.filter((value, n) => n % 4 === 3 && value > 0).length; }""",
        canvas,
    )


def test_a_dropped_clip_gets_its_answer_files_and_skeleton(open_page: Open, server, squats: Path, taught: Path) -> None:
    opened = open_page()
    page = opened.page
    page.wait_for_selector("#start:visible")
    drop(page, squats)
    expect(page.locator("#answer")).to_be_visible()
    expected = predict_clip(squats, taught)
    expect(page.locator("#answer-exercise")).to_have_text(expected.exercise.replace("_", " "))
    expect(page.locator("#segments li")).to_have_count(len(expected.segments))
    answer = json.loads(downloaded(page, "#save-json"))
    whole = {"path": squats.name, **json.loads(json.dumps(expected.to_json()))}
    assert list(answer) == list(whole)
    assert list(answer["segments"][0]) == list(whole["segments"][0])
    assert (answer["exercise"], answer["duration_s"]) == (expected.exercise, expected.duration_s)
    rows = list(csv.DictReader(io.StringIO(downloaded(page, "#save-csv"))))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert [row["exercise"] for row in rows] == [one["exercise"] for one in answer["segments"]]
    expect(page.locator("#segments canvas")).to_have_count(len(rows))
    wait_until(page, "document.getElementById('video').currentTime > 0.3")
    assert pixels_drawn(page, "#video-overlay") > 1000
    assert opened.faults == []
    assert opened.hosts == {f"127.0.0.1:{server.port}"}


def test_the_video_with_its_overlay_can_be_saved(page: Page, squats: Path, tmp_path: Path) -> None:
    sound, clip = "sine=frequency=300:duration=5", tmp_path / "with sound.mp4"
    run_ffmpeg("-i", str(squats), "-f", "lavfi", "-i", sound, "-shortest", "-c:v", "copy", "-c:a", "aac", str(clip))
    give(page, clip)
    expect(page.locator("#answer")).to_be_visible()
    with page.expect_download(timeout=1000 * PATIENCE) as download:
        page.locator("#draw-video").click()
    overlay = tmp_path / "overlay.mp4"
    download.value.save_as(overlay)
    frames = tmp_path / "frame.png"
    run_ffmpeg("-ss", "0.5", "-i", str(overlay), "-frames:v", "1", str(frames))
    run_ffmpeg("-i", str(overlay), "-map", "0:a", "-f", "null", "-")  # the sound is there
    assert frames.stat().st_size > 10_000
    assert download.value.suggested_filename == "with sound.overlay.mp4"


def test_a_picture_that_changes_its_shape_keeps_the_persons(page: Page, squats: Path, tmp_path: Path) -> None:
    parts = [tmp_path / "wide.webm", tmp_path / "tall.webm"]
    for part, shape in zip(parts, ("640:480", "480:640"), strict=True):
        scale = f"scale={shape}:force_original_aspect_ratio=increase,crop={shape},setsar=1"
        run_ffmpeg("-i", str(squats), "-vf", scale, "-c:v", "libvpx", "-b:v", "1M", str(part))
    (tmp_path / "parts.txt").write_text("".join(f"file '{part}'\n" for part in parts))
    clip, overlay = tmp_path / "both.webm", tmp_path / "overlay.mp4"
    run_ffmpeg("-f", "concat", "-safe", "0", "-i", str(tmp_path / "parts.txt"), "-c", "copy", str(clip))
    give(page, clip)
    expect(page.locator("#answer")).to_be_visible()
    with page.expect_download(timeout=1000 * PATIENCE) as download:
        page.locator("#draw-video").click()
    download.value.save_as(overlay)
    edges = []
    for seconds in ("-ss", "1"), ("-sseof", "-1"):
        run_ffmpeg(*seconds, "-i", str(overlay), "-frames:v", "1", str(tmp_path / "frame.png"))
        picture = np.asarray(Image.open(tmp_path / "frame.png").convert("L"))
        middle = len(picture) // 2
        edges.append(float(picture[middle : middle + 50, :50].mean()))  # left, below the label
    assert edges[0] > 40
    assert edges[1] < 10  # the tall picture stands between black bars


def test_the_player_goes_by_the_files_own_clock(page: Page, squats: Path, tmp_path: Path) -> None:
    clip = tmp_path / "late.mkv"
    run_ffmpeg("-i", str(squats), "-c", "copy", "-output_ts_offset", "5", str(clip))
    page.emulate_media(reduced_motion="reduce")
    give(page, clip)
    expect(page.locator("#answer")).to_be_visible()
    wait_until(page, "document.getElementById('video').readyState > 1")
    page.locator(".seek").first.click()
    assert 5 <= page.evaluate("document.getElementById('video').currentTime") < 7
    expect(page.locator("#answer-length")).to_have_text("0:04")  # not 9


def test_drawing_on_the_video_can_be_cancelled(page: Page, squats: Path, tmp_path: Path) -> None:
    run_ffmpeg("-stream_loop", "9", "-i", str(squats), "-c", "copy", str(tmp_path / "long.mp4"))
    give(page, tmp_path / "long.mp4")
    expect(page.locator("#answer")).to_be_visible()
    page.locator("#draw-video").click()
    page.locator("#stop-drawing").click()
    expect(page.locator("#draw-video")).to_be_focused()
    for gone in ("#stop-drawing", "#drawing-bar", "#drawing-text", "#save-video"):
        expect(page.locator(gone)).to_be_hidden()


def test_the_browsers_way_back_leads_to_the_start(page: Page, squats: Path) -> None:
    give(page, squats)
    expect(page.locator("#answer")).to_be_visible()
    page.go_back()
    expect(page.locator("#start")).to_be_visible()


def test_what_is_shown_changes_its_language(page: Page, squats: Path) -> None:
    give(page, squats)
    expect(page.locator("#answer-exercise")).to_have_text("squat")
    page.select_option("#language", "de")
    expect(page.locator("#answer-exercise")).to_have_text("Kniebeuge")
    expect(page.locator("#segments .sure").first).to_contain_text("sicher")
    page.select_option("#language", "en")
    expect(page.locator("#segments .sure").first).to_contain_text("sure")


def test_the_second_half_of_a_double_tap_does_nothing(page: Page, squats: Path) -> None:
    page.evaluate("() => { window.clicks = 0; document.body.addEventListener('click', () => clicks++); }")
    give(page, squats)
    expect(page.locator("#answer")).to_be_visible()
    page.evaluate("clicks = 0")
    page.locator("#again").dblclick()
    expect(page.locator("#start")).to_be_visible()
    assert page.evaluate("clicks") == 1


def test_a_page_that_does_not_come_whole_says_so(open_page: Open) -> None:
    for missing in ("**/page.json", "**/page/clip.js"):
        page = open_page(routes={missing: lambda route: route.abort()}, networks=False).page
        expect(page.locator("#message")).to_contain_text("could not be loaded whole")


def test_a_workout_is_called_by_its_sets(page: Page, drawn: Path, tmp_path: Path) -> None:
    clip = tmp_path / "workout.mp4"
    parts = [str(drawn / f"videos/{name}/person04__1.mp4") for name in ("squat", "jumping_jack")]
    scale = "scale=640:480,setsar=1,fps=20,loop=loop=1:size=200"
    run_ffmpeg(
        "-i", parts[0], "-i", parts[1], "-filter_complex",
        f"[0:v]{scale}[a];[1:v]{scale}[b];[a][b]concat=n=2:v=1[v]", "-map", "[v]", str(clip),
    )  # fmt: skip
    give(page, clip)
    expect(page.locator("#answer")).to_be_visible()
    expect(page.locator("#answer-exercise")).to_have_text(re.compile(r"^\d+ sets, \d+ repetitions$"))
    page.locator(".seek").last.click()
    page.locator("#again").click()
    expect(page.locator("#start")).to_be_visible()


def test_without_webcodecs_the_frames_come_from_a_player(open_page: Open, squats: Path, taught: Path) -> None:
    def without(route: Route) -> None:
        route.fulfill(body=NO_WEBCODECS + route.fetch().text(), content_type="text/javascript")

    opened = open_page(script=NO_WEBCODECS, routes={"**/worker.js": without})
    give(opened.page, squats)
    expect(opened.page.locator("#answer")).to_be_visible()
    expected = predict_clip(squats, taught)
    expect(opened.page.locator("#answer-exercise")).to_have_text(expected.exercise.replace("_", " "))
    expect(opened.page.locator("#draw-video")).to_be_hidden()
    assert json.loads(downloaded(opened.page, "#save-json"))["duration_s"] == pytest.approx(
        expected.duration_s, abs=0.1
    )


def test_a_picture_that_fails_costs_no_answer(open_page: Open, squats: Path) -> None:
    def broken(route: Route) -> None:
        text = route.fetch().text()
        changed = text.replace(
            "export const readPictures = async (", "export const readPictures = async () => { throw 1; }; async ("
        )
        assert changed != text
        route.fulfill(body=changed, content_type="text/javascript")

    page = open_page(routes={"**/video/read.js": broken}).page
    give(page, squats)
    expect(page.locator("#answer")).to_be_visible()
    expect(page.locator("#segments li").first).to_be_visible()


@pytest.mark.parametrize(
    ("name", "make", "code"),
    [
        ("notes.mp4", lambda path: path.write_text("no video at all\n" * 100), "noVideo"),
        ("empty.mp4", lambda path: path.touch(), "empty"),
        ("sound.mp4", lambda path: run_ffmpeg("-f", "lavfi", "-i", "sine=duration=1", str(path)), "noPictures"),
        (
            "old.avi",
            lambda path: run_ffmpeg("-f", "lavfi", "-i", "testsrc=duration=1", "-c:v", "mpeg4", str(path)),
            "noVideo",
        ),
        (
            "old.mkv",
            lambda path: run_ffmpeg("-f", "lavfi", "-i", "testsrc=duration=1", "-c:v", "mpeg2video", str(path)),
            "cannotDecode",
        ),
    ],
)
def test_a_file_without_a_video_is_told(page: Page, tmp_path: Path, name: str, make, code: str) -> None:
    make(tmp_path / name)
    give(page, tmp_path / name)
    expect(page.locator("#message")).to_have_text(words(page)[code][0])
    expect(page.locator("#start")).to_be_visible()


def test_a_video_that_was_cut_off_is_told(page: Page, squats: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.mp4").write_bytes(squats.read_bytes()[:3000])
    give(page, tmp_path / "cut.mp4")
    expect(page.locator("#message")).to_be_visible()
    expect(page.locator("#message")).not_to_have_text(words(page)["fault"][0])


def test_nobody_in_sight_is_told(page: Page, make_clip, tmp_path: Path) -> None:
    (tmp_path / "empty room.mp4").write_bytes(make_clip())
    give(page, tmp_path / "empty room.mp4")
    expect(page.locator("#answer-exercise")).to_have_text("nobody in sight")
    expect(page.locator("#answer-note")).to_contain_text("No person was found")


def test_a_clip_of_two_hours_is_asked_about_and_can_be_cancelled(page: Page, make_clip, tmp_path: Path) -> None:
    two_hours = make_clip("-f", "lavfi", "-i", "color=size=64x48:rate=1/4:duration=7200", "-preset", "ultrafast")
    (tmp_path / "long.mp4").write_bytes(two_hours)
    give(page, tmp_path / "long.mp4")
    expect(page.locator("#go-on")).to_be_visible()
    expect(page.locator("#progress-text")).to_contain_text("This video lasts 2 hours")
    page.locator("#cancel").click()
    expect(page.locator("#start")).to_be_visible()
    give(page, tmp_path / "long.mp4")
    page.locator("#go-on").click()
    expect(page.locator("#progress-text")).to_contain_text("Looking at the movement")
    page.locator("#cancel").click()
    expect(page.locator("#start")).to_be_visible()
    expect(page.locator("#message")).to_be_hidden()


def test_a_file_that_is_dropped_in_the_middle_is_refused_in_words(
    page: Page, make_clip, squats: Path, tmp_path: Path
) -> None:
    (tmp_path / "long.mp4").write_bytes(
        make_clip("-f", "lavfi", "-i", "color=size=64x48:rate=1/4:duration=7200", "-preset", "ultrafast")
    )
    give(page, tmp_path / "long.mp4")
    expect(page.locator("#go-on")).to_be_visible()
    drop(page, squats)
    expect(page.locator("#message")).to_have_text(words(page)["busy"][0])
    expect(page.locator("#go-on")).to_be_visible()


def test_the_next_clip_after_a_cancelled_one_gets_its_own_answer(page: Page, squats: Path, tmp_path: Path) -> None:
    run_ffmpeg("-stream_loop", "15", "-i", str(squats), "-c", "copy", str(tmp_path / "minute.mp4"))
    give(page, tmp_path / "minute.mp4")
    expect(page.locator("#progress-text")).to_contain_text("Looking at the movement")
    page.locator("#cancel").click()
    give(page, squats)
    expect(page.locator("#answer-file")).to_have_text(squats.name)
    expect(page.locator("#answer")).to_be_visible()


def test_a_page_of_another_format_is_told(open_page: Open) -> None:
    def other(route: Route) -> None:
        route.fulfill(json={**route.fetch().json(), "format": 99})

    page = open_page(routes={"**/page.json": other}, networks=False).page
    expect(page.locator("#message")).to_have_text(words(page)["otherFormat"][0])


def test_a_browser_without_simd_is_told(open_page: Open) -> None:
    page = open_page(script="WebAssembly.validate = () => false;", networks=False).page
    expect(page.locator("#message")).to_have_text(words(page)["noSimd"][0])


def test_a_network_that_is_missing_is_told(open_page: Open, squats: Path) -> None:
    page = open_page(routes={"**/graphs/*": lambda route: route.abort()}).page
    give(page, squats)
    expect(page.locator("#message")).to_be_visible()
    expect(page.locator("#start")).to_be_visible()


def test_several_files_at_once_are_refused(page: Page) -> None:
    page.evaluate("""() => {
        const transfer = new DataTransfer();
        for (const name of ["one.mp4", "two.mp4"]) transfer.items.add(new File(["x"], name));
        const drop = document.getElementById("start");
        drop.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
    }""")
    expect(page.locator("#message")).to_have_text(words(page)["oneOnly"][0])


def words(page: Page) -> dict[str, list[str]]:
    return page.evaluate("async () => (await import('./page/words.js')).WORDS")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_word(open_page: Open, language: str) -> None:
    page = open_page(f"?lang={language}", networks=False).page
    page.wait_for_selector("#start:visible")
    table = words(page)
    assert {key: len(texts) for key, texts in table.items()} == dict.fromkeys(table, len(LANGUAGES))
    assert all(text for texts in table.values() for text in texts)
    names = {key: sorted(re.findall(r"\{(\w+)\}", texts[0].split("|")[0])) for key, texts in table.items()}
    for key, texts in table.items():
        assert [sorted(re.findall(r"\{(\w+)\}", text.split("|")[0])) for text in texts] == [names[key]] * 4, key
    assert page.evaluate("document.documentElement.lang") == language
    assert page.evaluate("[...document.querySelectorAll('[data-text]')].every((one) => one.textContent)")


def test_every_taught_exercise_has_a_name_in_every_language() -> None:
    table = (ROOT / "web/page/words.js").read_text(encoding="utf-8").partition("const NAMES = {")[2].partition("};")[0]
    named = {name: texts.count('"') // 2 for name, texts in re.findall(r"^  (\w+): \[(.*)\],$", table, re.MULTILINE)}
    taught = set(read_exercises(ROOT / "corpus").values()) - {NONE}
    assert named == dict.fromkeys(taught, len(LANGUAGES))


def test_the_language_is_the_browsers_and_can_be_changed(open_page: Open) -> None:
    page = open_page(locale="de-AT", networks=False).page
    expect(page.locator("[data-text=choose]")).to_have_text("Video wählen")
    page.select_option("#language", "fr")
    expect(page.locator("[data-text=choose]")).to_have_text("Choisir une vidéo")
    assert "lang=fr" in page.url
    assert page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]


def test_the_page_works_by_keyboard_alone(open_page: Open) -> None:
    page = open_page(networks=False).page
    page.wait_for_selector("#start:visible")
    found = []
    for _ in range(5):
        page.keyboard.press("Tab")
        found.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert found == ["file", "use-camera", "SUMMARY", "SUMMARY", "language"]


@pytest.mark.parametrize("language", ["de", "fr"])
def test_nothing_is_wider_than_the_screen(page: Page, squats: Path, language: str) -> None:
    page.select_option("#language", language)
    assert too_wide(page) == []
    give(page, squats)
    expect(page.locator("#segments canvas").first).to_be_visible()
    assert too_wide(page) == []
    page.select_option("#language", "en")


def too_wide(page: Page) -> list[int]:
    """The widths of phone, tablet and desktop at which one would have to scroll sideways."""
    size, found = page.viewport_size, []
    for width in (360, 820, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(width)
    assert size
    page.set_viewport_size(size)
    return found
