"""A real S3 server on this machine, for the project's remote: `start` and `stop`. Its objects lie in a folder.

`start` points the remote `storage` at it in .dvc/config.local, which Git ignores and only its owner can read, with a
key pair that is made up on the first start. The server is rclone's (`rclone serve s3`).
"""

import argparse
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
from dvc.config import Config

BUCKET = "fitness-tracker"
CONFIG = Path(".dvc/config.local")
PATIENCE = 20  # seconds until the server must answer


def key_pair(port: int) -> tuple[str, str]:
    """The key pair of the remote in .dvc/config.local, made up if there is none; the endpoint is set to `port`.

    By DVC's own code, not by its command: everybody on the machine can read what stands in a command.
    """
    if not CONFIG.parent.is_dir():
        sys.exit("s3: there is no .dvc here; run this in the project's folder")
    CONFIG.touch(mode=0o600)
    CONFIG.chmod(0o600)
    with Config.from_cwd().edit("local") as config:
        remote = config["remote"].setdefault("storage", {})
        remote.setdefault("access_key_id", secrets.token_hex(10))
        remote.setdefault("secret_access_key", secrets.token_hex(20))
        remote["endpointurl"] = f"http://127.0.0.1:{port}"
        remote["region"] = "us-east-1"  # any; without one S3 clients ask around
    return remote["access_key_id"], remote["secret_access_key"]


def answers(port: int) -> bool:
    """Does an HTTP server answer, be it by refusing who has no key?"""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def start(folder: Path, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            sys.exit(f"s3: port {port} is in use; end what listens there ('make s3-stop'), or 'make s3 PORT=…'")
    key, secret = key_pair(port)
    (folder / BUCKET).mkdir(parents=True, exist_ok=True)
    command = ["rclone", "serve", "s3", "--addr", f"127.0.0.1:{port}", "--config", os.devnull, str(folder)]
    keys = {"RCLONE_AUTH_KEY": f'"{key},{secret}"'}  # not as an argument, which everybody could read
    with (folder / "log").open("ab") as log:
        server = subprocess.Popen(command, env=os.environ | keys, stdout=log, stderr=log, start_new_session=True)
    end = time.monotonic() + PATIENCE
    while not answers(port):
        if server.poll() is not None or time.monotonic() > end:
            server.kill()
            sys.exit(f"s3: the server does not start; its last words are in {folder / 'log'}")
        time.sleep(0.1)
    (folder / "pid").write_text(str(server.pid))
    print(f"s3: serves {folder} on http://127.0.0.1:{port}; 'make s3-stop' ends it")


def stop(folder: Path) -> None:
    """Ends the server that `start` began, if it is still there."""
    try:
        server = psutil.Process(int((folder / "pid").read_text()))
        (folder / "pid").unlink()
        if "rclone" not in server.name():
            raise psutil.NoSuchProcess(server.pid)  # another process has its number by now
        server.terminate()
        server.wait(PATIENCE)
    except (FileNotFoundError, psutil.NoSuchProcess):
        print("s3: no server is running")
    else:
        print("s3: ended")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=["start", "stop"])
    parser.add_argument("--folder", type=Path, default=Path(".s3"))
    parser.add_argument("--port", type=int, default=9000)
    args = parser.parse_args()
    if args.do == "start":
        try:
            start(args.folder, args.port)
        except RuntimeError as error:  # DVC finds no home folder
            sys.exit(f"s3: {error}")
    else:
        stop(args.folder)


if __name__ == "__main__":
    main()
