"""Where the page is served; imports nothing that takes long, so that a port in use is told at once."""

import errno
import ipaddress
import socket

from fitness_tracker.core.errors import UserError


def open_port(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise UserError(f"port {port} is in use; name another by --port") from None
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"cannot listen on {host}, port {port}: {reason}") from None


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
