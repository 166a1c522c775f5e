"""What a partial clone (`git clone --filter=blob:none`) lacks of a revision, and how it gets here.

Git fetches a missing object when it reads it. DVC (3.67) reads Git's objects by itself, and hangs where one is missing.
"""

import subprocess
from collections.abc import Collection

from fitness_tracker.core.errors import UserError


def fetch_missing_objects(folder: str, commits: Collection[str]) -> None:
    """Fetches the files of `commits` that are not here. Raises `UserError` if that fails."""
    before: list[str] = []
    while missing := missing_objects(folder, commits):
        found = git(folder, "config", "--get-regexp", r"^remote\..*\.promisor$").stdout
        remote = found.partition(".promisor")[0].removeprefix("remote.") or "origin"
        # Without negotiation: files of commits that are here would be taken for known, and not be sent.
        options = ("-c", "fetch.negotiationAlgorithm=noop", "fetch", "-q", "--no-tags", "--no-write-fetch-head")
        fetched = git(folder, *options, "--filter=blob:none", "--stdin", remote, stdin="\n".join(missing))
        if fetched.returncode or missing == before:
            raise UserError(
                f"{len(missing)} objects of these revisions are not in this clone, and cannot be fetched "
                f"({first_line(fetched.stderr)}); for a whole clone type: git fetch --refetch --no-filter {remote}"
            )
        before = missing


def missing_objects(folder: str, commits: Collection[str]) -> list[str]:
    """Hashes of files and folders; of a missing folder not what is in it."""
    listed = git(folder, "rev-list", "--objects", "--no-walk", "--missing=print", *commits)
    if listed.returncode:
        raise UserError(first_line(listed.stderr))
    return [line[1:] for line in listed.stdout.splitlines() if line.startswith("?")]


def git(folder: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", folder, *arguments], input=stdin, capture_output=True, text=True, check=False)


def first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
