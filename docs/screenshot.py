"""Takes the README's picture of the page, docs/page.png, in Debian's chromium: the answer for a clip of a drawn person.

python docs/screenshot.py models/classifier docs
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pictures import draw_workout, save_small
from PIL import Image
from playwright.sync_api import sync_playwright

from fitness_tracker.core.errors import UserError, exit_with_message

SIZE, PHONE = {"width": 1100, "height": 1150}, {"width": 390, "height": 844}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("classifier", type=Path)
    parser.add_argument("folder", type=Path, help="where the picture goes")
    parser.add_argument("--phone", action="store_true", help="as wide as a phone, to phone.png")
    args = parser.parse_args()
    browser = shutil.which("chromium")
    if not browser:
        raise UserError("chromium is not installed: apt-get install chromium")
    with tempfile.TemporaryDirectory() as name:
        clip, picture = Path(name) / "workout.mp4", Path(name) / "page.png"
        draw_workout(clip, Path(name))
        command = [sys.executable, "-m", "fitness_tracker.cli", "serve", "--port", "0"]
        with subprocess.Popen(
            [*command, "--classifier", str(args.classifier)], stdout=subprocess.PIPE, text=True
        ) as server:
            try:
                assert server.stdout
                url = re.search(r"http://\S+", server.stdout.readline())
                assert url
                photograph(browser, url[0], clip, picture, PHONE if args.phone else SIZE)
            finally:
                server.terminate()
        save_small(Image.open(picture), args.folder / ("phone.png" if args.phone else "page.png"))


def photograph(browser: str, url: str, clip: Path, picture: Path, size: dict[str, int]) -> None:
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's does not run as root
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=browser, args=sandbox)
        page = running.new_page(viewport=size)  # type: ignore[arg-type]
        page.goto(url)
        page.wait_for_selector("#start:visible")
        page.set_input_files("#file", str(clip))
        page.wait_for_selector("#answer-exercise:visible", timeout=300_000)
        page.wait_for_selector("#segments canvas", timeout=60_000)
        page.evaluate("document.getElementById('video').pause(); document.getElementById('video').currentTime = 32.6")
        page.wait_for_timeout(2000)
        page.screenshot(path=str(picture))
        running.close()


if __name__ == "__main__":
    with exit_with_message("screenshot"):
        main()
