"""Laws of files from strangers: each is read or refused in a sentence; none runs code, fills the memory, leads to what
is no file, or moves the terminal. `python -m soak.hostile` tries what nobody has thought of."""

import ast
import os
import socket
from pathlib import Path

import numpy as np
import pytest
from hostile_files import DEEP, Kind, Loaded, kinds, npy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_graph import ROOT, imported_names, module_name, modules, parsed

from blaze2cap.data.sources.published import copy_published
from blaze2cap.errors import UserError, one_sentence
from blaze2cap.runtime.footage import read_footage
from blaze2cap.untrusted import parse_json, read_json, regular_file, shown

# Unpickling runs whatever a file says; so do the loaders of these.
FORBIDDEN_IMPORTS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}
FORBIDDEN_CALLS = {
    "eval",
    "exec",
    "compile",
    "torch.load",
    "torch.jit.load",
    "yaml.unsafe_load",
    "yaml.full_load",
    "pd.read_pickle",
}
MOST_MEMORY = 1 << 30


@pytest.fixture(scope="module")
def every_kind(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Kind]]:
    folder = tmp_path_factory.mktemp("hostile")
    found = {kind.name: kind for kind in kinds(folder)}
    for kind in found.values():
        (folder / kind.file).parent.mkdir(parents=True, exist_ok=True)
        (folder / kind.file).write_bytes(kind.sound)
    return folder, found


NAMES = (
    "raw landmarks", "model landmarks", "published sample", "sidecar", "Vicon positions", "Vicon rotations",
    "calibration", "dataset map", "parts", "params", "model.json", "weights", "cameras", "manifest", "landmark JSON",
    "landmark CSV", "BVH", "images",
)  # fmt: skip


def answer(folder: Path, kind: Kind, content: bytes) -> str | None:
    """The sentence with which a content is refused, None where it is read; the sound file stands there again after."""
    file = folder / kind.file
    file.write_bytes(content)
    try:
        kind.read(folder)
    except UserError as error:
        return str(error)
    finally:
        file.write_bytes(kind.sound)
    return None


def peak_memory() -> int:
    """Most bytes that this process has held, since the peak was set back."""
    return 1024 * int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])


def test_every_kind_of_file_is_tried(every_kind: tuple[Path, dict[str, Kind]]) -> None:
    assert tuple(every_kind[1]) == NAMES
    contents = sum(len(kind.hostile) for kind in every_kind[1].values())
    document = (ROOT / "docs" / "reliability.md").read_text()
    assert f"{len(NAMES)} kinds of files, {contents} hostile contents;" in document


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_file_is_refused_in_a_sentence(
    every_kind: tuple[Path, dict[str, Kind]], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, found = every_kind
    monkeypatch.chdir(folder)
    assert answer(folder, found[name], found[name].sound) is None
    Path("/proc/self/clear_refs").write_text("5")  # the peak is that of now on
    before = peak_memory()
    sentences = {what: answer(folder, found[name], content) for what, content in found[name].hostile.items()}
    assert [what for what, sentence in sentences.items() if sentence is None] == []
    assert {what: sentence for what, sentence in sentences.items() if len(sentence or "") > 600} == {}
    assert not (folder / "unpickled").exists()
    assert peak_memory() - before < MOST_MEMORY


@pytest.mark.parametrize("name", NAMES)
@settings(
    max_examples=25, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(
    every_kind: tuple[Path, dict[str, Kind]], name: str, data: st.DataObject
) -> None:
    """A stretch of the sound file is replaced by other bytes, as a bad disk or a bad transfer does it."""
    folder, found = every_kind
    sound = found[name].sound
    first = data.draw(st.integers(0, len(sound)))
    last = data.draw(st.integers(first, min(len(sound), first + 64)))
    sentence = answer(folder, found[name], sound[:first] + data.draw(st.binary(max_size=64)) + sound[last:])
    assert sentence is None or 0 < len(sentence) < 600
    assert not (folder / "unpickled").exists()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_regular_file_is_not_opened(every_kind: tuple[Path, dict[str, Kind]], name: str) -> None:
    """A pipe would be waited for and /dev/zero has no end; a link leads to it just as well."""
    folder, found = every_kind
    file = folder / found[name].file
    file.unlink()
    try:
        for make in (lambda: os.mkfifo(file), lambda: file.symlink_to("/dev/zero"), file.mkdir):
            make()
            with pytest.raises(UserError):
                found[name].read(folder)
            file.rmdir() if file.is_dir() else file.unlink()
    finally:
        file.write_bytes(found[name].sound)


def test_regular_files_are_told_from_others(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "link").symlink_to("a")
    assert regular_file(tmp_path / "link") == tmp_path / "link"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for path in (tmp_path, tmp_path / "socket", Path("/dev/null")):
            with pytest.raises(OSError, match="not a regular file"):
                regular_file(path)


def test_a_document_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[" + " " * 100 + "]")
    assert read_json(tmp_path / "a.json") == []
    with pytest.raises(ValueError, match="102 bytes, expected 99 at most"):
        read_json(tmp_path / "a.json", 99)
    with pytest.raises(ValueError, match="nested too deep"):
        parse_json(DEEP.decode())


def test_values_are_quoted_short() -> None:
    assert shown("word") == "'word'"
    assert max(len(shown(value)) for value in ("a" * 10**6, 10**4000, [[[["a"] * 99] * 99] * 99] * 99)) < 400


def test_a_sentence_moves_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), one_sentence("blaze2cap"):
        raise UserError("a\nb\x1b[2J\udcff: no such file ü")
    assert capsys.readouterr().err == "blaze2cap: a\\nb\\x1b[2J\\udcff: no such file ü\n"


def test_a_file_whose_name_has_a_line_end_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit), one_sentence("blaze2cap"):
        read_footage(tmp_path / "a\nb.npy")
    assert capsys.readouterr().err.count("\n") == 1


def test_a_booby_trapped_array_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trap is real: NumPy springs it where it is allowed to."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.npy").write_bytes(npy(np.array([Loaded()], dtype=object)))
    with pytest.raises(UserError, match="pickled"):
        read_footage(tmp_path / "a.npy")
    assert not (tmp_path / "unpickled").exists()
    np.load(tmp_path / "a.npy", allow_pickle=True)
    assert (tmp_path / "unpickled").exists()


def _called(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("path", modules(), ids=module_name)
def test_nothing_is_unpickled_or_run(path: Path) -> None:
    assert FORBIDDEN_IMPORTS & {name.split(".")[0] for name in imported_names(path)} == set()
    for call in _called(path):
        name, options = ast.unparse(call.func), {option.arg: ast.unparse(option.value) for option in call.keywords}
        assert name not in FORBIDDEN_CALLS
        assert options.get("shell", "False") == "False"
        if name in ("np.load", "np.save"):
            assert options["allow_pickle"] == "False"
        if name == "yaml.load":
            assert ast.unparse(call.args[1]) == "_Loader"


def test_a_map_that_leads_elsewhere_is_not_taken_over(tmp_path: Path, every_kind: tuple[Path, dict[str, Kind]]) -> None:
    """What a link in a downloaded folder leads to would lie in the pipeline's cache, and be pushed with it."""
    secret = tmp_path / "secret"
    secret.write_text("a key")
    map_file = every_kind[0] / "published" / "dataset_map.json"
    map_file.symlink_to(secret)
    try:
        with pytest.raises(UserError, match="a link out of the folder"):
            copy_published(every_kind[0] / "published", tmp_path / "raw", 1)
    finally:
        map_file.unlink()
    assert not (tmp_path / "raw" / "dataset_map.json").exists()
