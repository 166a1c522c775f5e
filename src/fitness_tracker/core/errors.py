"""Errors as one plain line instead of a traceback, and quiet native libraries."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

INSTALL_ALL = (
    "which is not installed with what answers alone: pip install '.[train]' in the repository, or "
    "pip install 'fitness-tracker[train] @ git+URL'"
)
JOINERS = "\u200c\u200d"  # which Persian, Hindi and emoji are written with, though they cannot be seen


class UserError(Exception):
    """The message says what is wrong, where, and what to do."""


@contextmanager
def exit_with_message(program: str) -> Iterator[None]:
    """Ends the program with exit code 1 and the message on stderr if a `UserError` or `OSError` comes out of the block,
    or a library is missing.

    Exits silently if the reader of its output (`| head`) has closed it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        if name in {"", "fitness_tracker", *sys.stdlib_module_names}:
            raise
        print(f"{program}: {printable(name)} is missing, {INSTALL_ALL}", file=sys.stderr)
        sys.exit(1)
    except UserError as error:
        print(f"{program}: {printable_lines(error)}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"{program}: stopped; what is finished is kept", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or flushing at exit fails once more
        sys.exit(1)
    except OSError as error:  # a full disk, a folder that is read-only
        place = f"{printable(error.filename)}: " if error.filename else ""
        print(f"{program}: {place}{error.strerror or error}; what is finished is kept", file=sys.stderr)
        sys.exit(1)


@contextmanager
def quiet_native_stderr() -> Iterator[None]:
    """Keeps what native code writes to stderr, and shows it only if the block fails in a way that no message explains.

    For programs, not for library functions: meanwhile it is the stderr of all threads of the process.
    """
    with tempfile.TemporaryFile() as captured:
        stderr = os.dup(2)
        os.dup2(captured.fileno(), 2)
        try:
            yield
        except (UserError, OSError, ModuleNotFoundError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException:
            captured.seek(0)
            os.write(stderr, captured.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def printable(text: object) -> str:
    """A path or message on one line, unprintable characters escaped; but for those that only join letters."""
    return "".join(char if char.isprintable() or char in JOINERS else repr(char)[1:-1] for char in str(text))


def printable_lines(text: object) -> str:
    """The same for a message of several lines."""
    return "\n".join(map(printable, str(text).split("\n")))
