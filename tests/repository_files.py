"""The repository's files: those in git or, in a download that git does not know, those that it would not ignore."""

import subprocess
import tempfile

from import_graph import ROOT


def repository_files() -> list[str]:
    """Paths from the top of the repository, of files that are there."""
    listed = _git("ls-files", "-z")
    if not listed:  # no repository, or `git init` alone
        with tempfile.TemporaryDirectory() as folder:
            _git("init", "--quiet", "--bare", folder)
            listed = _git(
                f"--git-dir={folder}", f"--work-tree={ROOT}", "ls-files", "--others", "--exclude-standard", "-z"
            )
    return [name for name in listed.split("\0") if (ROOT / name).is_file()]


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout
