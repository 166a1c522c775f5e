"""Serves the page to browsers of this machine: a folder of files, by the standard library; nothing is computed here."""

import ipaddress
import signal
import socket
import tempfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType

from fitness_tracker.page.address import is_loopback
from fitness_tracker.page.site import write_site

HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "frame-ancestors 'none'",  # the rest is in the page, for hosts that send no headers
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Handler(SimpleHTTPRequestHandler):
    """Files of a folder, and no listing of it."""

    protocol_version = "HTTP/1.1"
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript", ".wasm": "application/wasm", ".webmanifest": "application/manifest+json",
        ".tflite": "application/octet-stream",
    }  # fmt: skip

    def end_headers(self) -> None:
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def list_directory(self, path: object) -> None:  # type: ignore[override]
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        pass


class Server(ThreadingHTTPServer):
    """On a socket that listens already."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, folder: Path) -> None:
        super().__init__(listener.getsockname()[:2], partial(Handler, directory=str(folder)), bind_and_activate=False)
        self.socket.close()
        self.socket = listener

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that leaves in the middle is no error."""


def serve(listener: socket.socket, host: str, classifier: Path) -> None:
    """Serves the page with a classifier until SIGINT or SIGTERM; raises `UserError` if there is none."""
    with tempfile.TemporaryDirectory(prefix="fitness-tracker-", ignore_cleanup_errors=True) as scratch:
        write_site(classifier, Path(scratch) / "site")
        with Server(listener, Path(scratch) / "site") as server:
            try:
                signal.signal(signal.SIGTERM, interrupt)
                print(f"{address_of(listener, host)} (Ctrl-C ends it)", flush=True)
                server.serve_forever()
            except KeyboardInterrupt:
                print("ended", flush=True)


def interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def address_of(listener: socket.socket, host: str) -> str:
    name, (address, port) = host, listener.getsockname()[:2]
    if not is_loopback(name) and ipaddress.ip_address(address).is_unspecified:
        name = socket.gethostname()
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/"
