"""docs/remotes.md: what one clone pushes, to a folder or an object store, another pulls and has nothing left to run."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dvc_clone import UP_TO_DATE, committed_clone, make_clone, ran
from import_graph import ROOT
from object_store import object_store

TEXT = (ROOT / "docs" / "remotes.md").read_text()
Remote = tuple[str, dict[str, str], Callable[[], list[str]]]


def commands(section: str) -> list[str]:
    """Blocks of a section, in order."""
    return re.findall(r"```sh\n(.*?)```", TEXT.split(f"## {section}\n", 1)[1].split("\n## ", 1)[0], re.DOTALL)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture(params=["folder", "s3"])
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Remote]:
    """Commands that set it up and push, as the document has them but for the place; environment; what is there."""
    if request.param == "folder":
        place = tmp_path / "storage"
        adds = commands("A folder that all share")[0].replace("/srv/blaze2cap", str(place))
        yield adds, {}, lambda: files(place)
        return
    with object_store() as store:
        adds = commands("Storage that speaks S3")[1].replace("my-bucket", store.bucket)
        yield adds.replace("https://storage.example.org", store.endpoint), store.environment, store.keys


@pytest.mark.slow
@pytest.mark.xdist_group("dvc")
def test_a_second_clone_pulls_and_has_nothing_to_run(remote: Remote, tmp_path: Path) -> None:
    adds, environment, stored = remote
    committed_clone().back_to_commit()
    first = committed_clone().copy(tmp_path / "first")
    first.environment |= environment
    first.run("bash", "-ec", adds)
    pushed = stored()
    assert pushed

    second = make_clone(first.folder, tmp_path / "second", tmp_path / "checkpoints")
    second.environment |= environment
    pulls, status, repro = commands("A folder that all share")[1].splitlines()
    second.run("bash", "-ec", pulls)
    assert UP_TO_DATE in second.run("bash", "-ec", status)
    assert ran(second.run("bash", "-ec", repro)) == []
    assert second.run("git", "status", "--porcelain") == ""
    assert not (tmp_path / "checkpoints").exists(), "nothing was trained"
    for name in ("models", "data/clips", "data/split"):
        assert files(second.folder / name) == files(first.folder / name)
    model = Path("models", "model.safetensors")
    assert (second.folder / model).read_bytes() == (first.folder / model).read_bytes()

    assert ran(first.experiment("loss.smooth=1.0")) == ["train", "evaluate"]
    first.dvc("push")
    assert set(stored()) > set(pushed)
    first.back_to_commit()
    for command in commands("What experiments leave")[0].splitlines():
        first.run("bash", "-ec", command)
    assert stored() == pushed
    assert UP_TO_DATE in first.dvc("status")


@pytest.mark.slow
@pytest.mark.xdist_group("dvc")
def test_a_remote_that_lost_an_object_is_told_and_made_whole_by_another_push(tmp_path: Path) -> None:
    committed_clone().back_to_commit()
    first = committed_clone().copy(tmp_path / "first")
    place = tmp_path / "storage"
    first.run("bash", "-ec", commands("A folder that all share")[0].replace("/srv/blaze2cap", str(place)))
    lost = max((path for path in place.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    lost.unlink()
    second = make_clone(first.folder, tmp_path / "second", tmp_path / "checkpoints")
    output = second.dvc("pull", expect=1)
    assert lost.parent.name + lost.name in output
    assert "Traceback" not in output
    (remove_lists,) = re.findall(r"`(find .*? -delete)`", TEXT)
    first.run("bash", "-ec", remove_lists.replace("/srv/blaze2cap", str(place)))
    first.dvc("push")
    second.dvc("pull")
    assert ran(second.dvc("repro")) == []


def test_every_kind_of_remote_in_the_document_has_its_commands() -> None:
    assert [len(commands(name)) for name in ("A folder that all share", "Storage that speaks S3")] == [2, 2]
    assert "never" in TEXT.split("TotalCapture", 1)[1].splitlines()[0]
