"""The page as a small web server: drop a clip or use the camera.

Why no Gradio: its pages name hosts elsewhere (fonts, CDN) and it would add some forty packages, while aiohttp is locked
already, limits an upload while it arrives, and carries the camera over one WebSocket. So there is one page of plain
HTML, CSS and JavaScript, which loads nothing from elsewhere and could not: its Content-Security-Policy forbids it.
"""

import asyncio
import ipaddress
import json
import os
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from fitness_tracker.core.params import Limits
from fitness_tracker.models.classifier import Classifier
from fitness_tracker.page import messages
from fitness_tracker.page.address import is_loopback
from fitness_tracker.page.camera import LARGEST, SILENCE, watch_camera
from fitness_tracker.page.jobs import OVERLAY, STRIP, Job, Jobs
from fitness_tracker.prediction.predict import load_once

MEGABYTE = 10**6
STALL = 60.0  # seconds without a byte after which an upload is given up
TICK = 0.2  # seconds between looks at a clip's progress
CAMERAS = 2 * (os.cpu_count() or 1)  # at once; about two on a core keep up

TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PICTURES = {OVERLAY: "video/mp4", STRIP: "image/png"}

HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# blob: what the page has fetched and holds itself; ws: Safari's 'self' does not cover it
POLICY = (
    "default-src 'self'; connect-src 'self' ws://{host} wss://{host}; img-src 'self' blob:; media-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def serve(listener: socket.socket, host: str, classifier: Path, max_mb: float, max_minutes: float) -> None:
    """Serves the page until SIGINT or SIGTERM; raises `UserError` if there is no classifier."""
    loaded = load_once(classifier)
    with tempfile.TemporaryDirectory(prefix="fitness-tracker-", ignore_cleanup_errors=True) as folder:
        asyncio.run(run(listener, Page(host, loaded, Path(folder), max_mb, max_minutes)))


async def run(listener: socket.socket, page: "Page") -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(
        page.app(), access_log=None, handler_cancellation=True, auto_decompress=False, shutdown_timeout=3
    )
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        name, port = page.host, listener.getsockname()[1]
        if not is_loopback(name) and ipaddress.ip_address(listener.getsockname()[0]).is_unspecified:
            name = socket.gethostname()
        print(f"http://{f'[{name}]' if ':' in name else name}:{port}/ (Ctrl-C ends it)", flush=True)
        await stop.wait()
    finally:
        await runner.cleanup()
    print("ended; nothing that people gave is kept", flush=True)


class Page:
    """The server's state and its answers."""

    def __init__(self, host: str, classifier: Classifier, folder: Path, max_mb: float, max_minutes: float) -> None:
        """`folder` is private, and empty; `max_mb` and `max_minutes` limit one clip."""
        self.host, self.classifier, self.max_mb, self.max_minutes = host, classifier, max_mb, max_minutes
        self.jobs = Jobs(classifier, folder, Limits(seconds=max(1, round(60 * max_minutes))))
        self.answers = ThreadPoolExecutor(1)  # one answer at a time, whoever's camera it is about
        self.cameras: set[web.WebSocketResponse] = set()
        self.ending = False
        self.names = {"localhost", host.lower()}
        if not is_loopback(host):
            self.names.add(socket.gethostname().lower())
        self.static = read_static()
        for name, value in (("MAX_MB", max_mb), ("MAX_MINUTES", max_minutes)):
            self.static["index.html"] = self.static["index.html"].replace(name, f"{value:g}")

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.guard])
        app.add_routes(
            [
                web.get("/", self.file),
                web.get("/static/{name}", self.file),
                web.post("/clips", self.receive),
                web.get("/clips/{id}/events", self.events),
                web.get("/clips/{id}/{name}", self.picture),
                web.delete("/clips/{id}", self.forget),
                web.get("/camera", self.camera),
            ]
        )
        app.on_response_prepare.append(add_headers)
        app.cleanup_ctx.append(self.sweeping)
        app.on_shutdown.append(self.end)
        return app

    @web.middleware
    async def guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Refuses other sites: by a name of theirs that leads here (DNS rebinding), or from a page of theirs."""
        if not self.is_own(request.headers.get("Host", "")):
            raise web.HTTPForbidden(text="This page has another name.")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc.lower() != request.headers["Host"].lower():
            raise web.HTTPForbidden(text="Other sites may not use this page.")
        return await handler(request)

    def is_own(self, host: str) -> bool:
        """Whether a Host header is an address, which no other site can have, or a name of this machine."""
        with suppress(ValueError):
            name = (urlsplit(f"//{host}").hostname or "").lower()
            if name in self.names:
                return True
            ipaddress.ip_address(name)
            return True
        return False

    async def file(self, request: web.Request) -> web.Response:
        name = request.match_info.get("name", "index.html")
        if name not in self.static:
            raise web.HTTPNotFound
        return web.Response(text=self.static[name], content_type=TYPES[Path(name).suffix], charset="utf-8")

    async def receive(self, request: web.Request) -> web.Response:
        """The body is the clip; it is refused as soon as it is seen to be too large."""
        if (request.content_length or 0) > self.max_mb * MEGABYTE:
            return refuse(413, messages.too_large(self.max_mb))
        job = self.jobs.begin()
        if not job:
            return refuse(503, messages.MANY_WAIT)
        with ExitStack() as undo:
            undo.callback(self.jobs.drop, job)
            try:
                size = await self.write(request, job)
            except TimeoutError:
                return refuse(408, messages.STALLED)
            except OSError as error:
                return refuse(507, messages.explain(error, self.max_minutes))
            if size > self.max_mb * MEGABYTE:
                return refuse(413, messages.too_large(self.max_mb))
            if not size:
                return refuse(400, messages.EMPTY)
            undo.pop_all()
            self.jobs.submit(job)
        return web.json_response({"id": job.id})

    async def write(self, request: web.Request, job: Job) -> int:
        """The body's bytes, to the job's file; stops when they are too many."""
        size = 0
        with job.clip.open("xb") as file:
            while chunk := await asyncio.wait_for(request.content.readany(), STALL):
                size += len(chunk)
                if size > self.max_mb * MEGABYTE:
                    break
                file.write(chunk)
        return size

    def job(self, request: web.Request) -> Job:
        job = self.jobs.jobs.get(request.match_info["id"])
        if not job or job.stage == "receiving":
            raise web.HTTPNotFound
        return job

    async def events(self, request: web.Request) -> web.StreamResponse:
        """What becomes of a clip, as server-sent events, until it is over."""
        job = self.job(request)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        told = ""
        with job.watched(), suppress(ConnectionError):
            while not self.ending:
                over = job.over  # before it is told, or the end might not be
                now = json.dumps(self.jobs.describe(job))
                if now != told:
                    await response.write(f"data: {now}\n\n".encode())
                    told = now
                if over:
                    break
                await asyncio.sleep(TICK)
        return response

    async def picture(self, request: web.Request) -> web.StreamResponse:
        job, name = self.job(request), request.match_info["name"]
        if name not in PICTURES or job.stage != "done" or not (job.folder / name).is_file():
            raise web.HTTPNotFound
        return web.FileResponse(job.folder / name, headers={"Content-Type": PICTURES[name]})

    async def forget(self, request: web.Request) -> web.Response:
        self.jobs.drop(self.job(request))
        return web.Response(status=204)

    async def camera(self, request: web.Request) -> web.StreamResponse:
        if len(self.cameras) >= CAMERAS or self.ending:
            return refuse(503, messages.MANY_CAMERAS)
        camera = web.WebSocketResponse(max_msg_size=LARGEST, receive_timeout=SILENCE, compress=False)
        await camera.prepare(request)
        self.cameras.add(camera)
        try:
            with suppress(TimeoutError):
                await watch_camera(camera, self.classifier, self.answers)
        finally:
            self.cameras.discard(camera)
        return camera

    async def sweeping(self, app: web.Application) -> AsyncIterator[None]:
        async def sweep() -> None:
            while True:
                await asyncio.sleep(1)
                self.jobs.sweep()

        task = asyncio.create_task(sweep())
        yield
        task.cancel()
        await asyncio.to_thread(self.jobs.close)
        await asyncio.to_thread(self.answers.shutdown)

    async def end(self, app: web.Application) -> None:
        self.ending = True
        for camera in list(self.cameras):
            await camera.close()


def read_static() -> dict[str, str]:
    """The page's files by name."""
    folder = files("fitness_tracker.page") / "static"
    return {file.name: file.read_text("utf-8") for file in folder.iterdir() if Path(file.name).suffix in TYPES}


def refuse(status: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=status)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    response.headers["Content-Security-Policy"] = POLICY.format(host=request.headers.get("Host", "none"))
