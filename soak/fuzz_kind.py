"""Fuzz one kind of file in a process of its own: `python -m soak.fuzz_kind KIND SEED SECONDS FOLDER`.

What breaks is told once per place in the code, in FOLDER/findings.jsonl, and the search goes on; a hang or a lack of
memory ends it.
"""

import base64
import json
import resource
import sys
import traceback
import warnings
from pathlib import Path

import atheris

import soak  # noqa: F401  puts the tests' tools on the path

with atheris.instrument_imports(include=["blaze2cap", "yaml"]):
    from hostile_files import Kind, kinds

    from blaze2cap.errors import UserError

_MEMORY_MB, _PATIENCE_S, _LONGEST_SENTENCE = 1024, 10, 2000


class Search:
    """Writes each content into the place of the sound file and has it read."""

    def __init__(self, folder: Path, kind: Kind) -> None:
        self._folder, self._kind = folder, kind
        self._file = folder / kind.file
        self._known: set[tuple[str, str]] = set()

    def try_one(self, content: bytes) -> None:
        """Read one file."""
        self._file.write_bytes(content)
        try:
            self._kind.read(self._folder)
        except UserError as error:
            if len(str(error)) > _LONGEST_SENTENCE:
                self._tell("a sentence that is too long", self._kind.file, str(error)[:100], content)
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            self._tell(type(error).__name__, f"{last.filename}:{last.lineno}", str(error)[:200], content)

    def _tell(self, what: str, where: str, said: str, content: bytes) -> None:
        if (what, where) not in self._known:
            self._known.add((what, where))
            with (self._folder / "findings.jsonl").open("a") as file:
                shown = base64.b64encode(content[:3000]).decode()
                file.write(json.dumps(f"{what} at {where}: {said} (base64 of the file: {shown})") + "\n")


def main(name: str, seed: str, seconds: str, folder: Path) -> None:
    """Search from the sound example and the hostile ones on."""
    warnings.simplefilter("error", RuntimeWarning)
    (kind,) = (kind for kind in kinds(folder) if kind.name == name)
    (folder / kind.file).parent.mkdir(parents=True, exist_ok=True)
    corpus, words = folder / "corpus", folder / "words"
    corpus.mkdir()
    # What is huge teaches a fuzzer nothing.
    seeds = [content for content in (kind.sound, *kind.hostile.values()) if len(content) < 50_000]
    for number, content in enumerate(seeds):
        (corpus / str(number)).write_bytes(content)
    # libFuzzer takes no empty list of words.
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in kind.words or ("0",)))
    base_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"base_mb: {base_mb}", file=sys.stderr)
    options = {
        "seed": 1 + int(seed), "max_total_time": seconds, "timeout": _PATIENCE_S, "rss_limit_mb": base_mb + _MEMORY_MB,
        "max_len": max(map(len, seeds)) + 4096, "print_final_stats": 1, "verbosity": 0, "dict": words,
        "artifact_prefix": f"{folder}/",
    }  # fmt: skip
    search = Search(folder, kind)
    atheris.Setup([sys.argv[0], str(corpus), *(f"-{key}={value}" for key, value in options.items())], search.try_one)
    atheris.Fuzz()


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
