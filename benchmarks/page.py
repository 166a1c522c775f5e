"""The page in Debian's chromium: its size, how many frames a second it looks at, and its memory over a long clip.

python benchmarks/page.py                 # sizes and frames a second: some minutes
python benchmarks/page.py --hours 2       # and memory, a line every two minutes: as long as it looks at such a clip

The film is of drawn people. Memory is what all processes of the browser hold; what several share counts once.
"""

import argparse
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
from imageio_ffmpeg import get_ffmpeg_exe
from playwright.sync_api import Browser, Page, sync_playwright

from fitness_tracker.page.constants import METRIC
from fitness_tracker.page.selftest import FOLDER
from fitness_tracker.page.site import SUFFIXES, write_site

EXERCISES = ("jumping_jack", "plank", "squat")
LIVE = 40.0  # seconds in front of the camera
EVERY = 120.0  # seconds between two looks at the memory
PATIENCE = 5_000_000  # milliseconds that a long clip may take
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


def run_ffmpeg(*arguments: object) -> None:
    subprocess.run([get_ffmpeg_exe(), "-loglevel", "error", "-y", *map(str, arguments)], check=True)


def make_films(folder: Path, hours: float) -> tuple[Path, Path, Path]:
    """The clips one after the other: once, over and over for some hours, and as what Chromium takes for a camera."""
    drawing = ["sample/render.py", folder / "videos", folder / "truth.csv", "--people", "4", "--exercises", *EXERCISES]
    subprocess.run([sys.executable, *map(str, drawing)], check=True)
    clips = sorted((folder / "videos").rglob("*.mp4"))
    (folder / "clips.txt").write_text("".join(f"file '{clip}'\n" for clip in clips))
    once, long, camera = (folder / name for name in ("once.mp4", "long.mp4", "camera.mjpeg"))
    run_ffmpeg("-f", "concat", "-safe", "0", "-i", folder / "clips.txt", "-vf", "scale=640:480,fps=30", once)
    run_ffmpeg("-stream_loop", "-1", "-i", once, "-t", hours * 3600, "-c", "copy", long)
    run_ffmpeg("-i", once, "-c:v", "mjpeg", "-q:v", "5", camera)
    return once, long, camera


def print_sizes(folder: Path) -> None:
    """As a host sends it, which compresses the types that it knows."""
    files = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    sent = {path: len(gzip.compress(path.read_bytes())) if path.suffix in SUFFIXES else files[path] for path in files}
    later = (FOLDER, METRIC)  # only who asks for it, or taught it something, loads this
    first = sum(size for path, size in sent.items() if not any(name in path.as_posix() for name in later))
    print(f"on disk {sum(files.values()) / 1e6:.2f} MB, compressed {sum(sent.values()) / 1e6:.2f} MB, ", end="")
    print(f"{first / 1e6:.2f} MB of it before the first answer")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def opened(browser: Browser, url: str) -> Page:
    page = browser.new_context(locale="en-GB", service_workers="block").new_page()
    page.goto(url)
    page.evaluate("import('./page/client.js').then(({ ask }) => ask('load'))")
    return page


def look_at(page: Page, clip: Path) -> None:
    page.set_input_files("#file", str(clip))
    page.wait_for_selector("#go-on:visible, #answer:visible", timeout=PATIENCE)
    if page.is_visible("#go-on"):
        page.locator("#go-on").click()


def clip_rate(page: Page, clip: Path) -> float:
    """Frames that are looked at in a second, with the answer."""
    begin = time.monotonic()
    look_at(page, clip)
    page.wait_for_selector("#answer:visible", timeout=PATIENCE)
    seconds = page.evaluate("document.getElementById('video').duration")
    return 10 * seconds / (time.monotonic() - begin)


def live_rates(page: Page) -> list[int]:
    """What the page says of the camera, once a second."""
    page.locator("#use-camera").click()
    rates = []
    for _ in range(int(LIVE)):
        page.wait_for_timeout(1000)
        said = page.locator("#rate").inner_text()
        rates += [int(said.split()[0])] if said else []
    return rates


def browser_mib() -> float:
    total = 0
    for process in psutil.Process().children(recursive=True):
        try:
            total += process.memory_full_info().pss if "chrom" in process.name() else 0
        except psutil.Error:  # it ended just now
            continue
    return total / 2**20


def watch_memory(page: Page, clip: Path) -> None:
    print("\n| minutes | looked at | MiB |\n| --- | --- | --- |")
    look_at(page, clip)
    begin = time.monotonic()
    while not page.is_visible("#answer"):
        said: Any = page.evaluate("document.getElementById('progress-bar').value")
        print(f"| {(time.monotonic() - begin) / 60:.0f} | {said:.1%} | {browser_mib():.0f} |", flush=True)
        page.wait_for_timeout(1000 * EVERY)
    print(f"| {(time.monotonic() - begin) / 60:.0f} | the answer | {browser_mib():.0f} |")
    print(f"\n{page.locator('#answer-exercise').inner_text()}, {page.locator('#segments li').count()} segments")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classifier", type=Path, default=Path("models/classifier"))
    parser.add_argument("--hours", type=float, default=0, help="of the long clip; none if not given")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        once, long, camera = make_films(Path(name), args.hours or 0.01)
        write_site(args.classifier, Path(name) / "site")
        print_sizes(Path(name) / "site")
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(Path(name) / "site")))
        Thread(target=server.serve_forever).start()
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's does not run as root
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=[*sandbox, *CAMERA, f"--use-file-for-fake-video-capture={camera}"],
        )
        try:
            page = opened(browser, f"http://127.0.0.1:{server.server_port}/")
            print(f"a clip: {clip_rate(page, once):.1f} frames a second", flush=True)
            page.locator("#again").click()
            rates = live_rates(page)
            print(
                f"the camera: {sorted(rates)[len(rates) // 2]} frames a second, {min(rates)} to {max(rates)}",
                flush=True,
            )
            if args.hours:
                page.locator("#stop").click()
                page.locator("#leave").click()
                watch_memory(page, long)
        finally:
            browser.close()
            server.shutdown()


if __name__ == "__main__":
    main()
