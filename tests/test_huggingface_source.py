"""The hub as a source: the real client against one on the loopback: whole and linked, or a sentence and a new try."""

import errno
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants
from loopback_hub import REPOSITORY, LoopbackHub, serving
from published_files import write_published
from test_data_stages import run_first_three
from typer.testing import CliRunner

from blaze2cap.cli import app
from blaze2cap.data.augment import LAYOUTS
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.published import DATASET_MAP_FILE
from blaze2cap.data.sources.huggingface import HubInspection, fetch, link_huggingface
from blaze2cap.data.sources.listing import ListedFile, deviations
from blaze2cap.data.split import read_split_map
from blaze2cap.errors import UserError

CLIPS = {"S1/acting1/cam1": [4, 1], "S4/walking2/cam10": [3], "S4/acting1/cam1": [2]}
"""A training take, a test take, and one in neither part: 6 + 3 + 6 + 5 samples."""
SOURCE = "blaze_augmented/S1/acting1/cam1/blaze_S1_acting1_cam1_seg0_s1_o0.npy"
Patch = pytest.MonkeyPatch


def write_release(folder: Path, layout: str) -> Path:
    """A small release of the data set: samples, their map, and files that are of no use here."""
    write_published(folder, CLIPS, LAYOUTS[layout])
    entries = []
    for path in folder.rglob(f"{LAYOUTS[layout].source_prefix}S*.npy"):
        source = path.relative_to(folder).as_posix()
        target = source.replace("blaze_augmented", "gt_augmented").replace("blazepose_final", "gt_final")
        target = target.replace("/blaze_", "/gt_").replace("/blazepose_", "/gt_")
        _, subject, action, camera, _ = source.split("/")
        flags = {"split_train": action in ("acting1", "rom1") and subject != "S4"}
        flags |= {"split_val": False} if layout == "final" else {}
        flags |= {"split_test": action == "walking2"}
        entries.append({"source": source, "target": target, "subject": subject, "action": action,
                        "camera": camera.removeprefix("cam"), **flags})  # fmt: skip
    by = ("subject", "action", "camera", "source")
    entries.sort(key=lambda e: (not e["split_train"], not e["split_test"], *(e[key] for key in by)))
    (folder / DATASET_MAP_FILE).write_text(json.dumps(entries))
    (folder / "README.md").write_text("---\nlicense: other\n---\n")
    (folder / "more").mkdir()
    shutil.copy(path, folder / "more" / "left_out.npy")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """Files of a release by name, those that are of no use left out."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith(("more", "README"))}


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return write_release(tmp_path / "release", "augmented")


@pytest.fixture
def hub(release: Path, tmp_path: Path, monkeypatch: Patch) -> Iterator[LoopbackHub]:
    """A hub that serves the release, found by the client of this process, which has a cache of its own."""
    with serving(release) as local:
        connect(local, tmp_path / "hub", monkeypatch)
        yield local


def connect(hub: LoopbackHub, cache: Path, monkeypatch: Patch) -> None:
    """What the client reads from the environment when it is imported, and waiting between its tries left out."""
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(cache / "token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(time, "sleep", lambda _: None)


def link(hub: LoopbackHub, raw: Path) -> HubInspection:
    shutil.rmtree(raw, ignore_errors=True)
    return link_huggingface(REPOSITORY, hub.commit, raw, workers=1)


def refused(hub: LoopbackHub, raw: Path) -> str:
    """What is said where nothing is taken over."""
    with pytest.raises(UserError) as caught:
        link(hub, raw)
    assert "\n" not in str(caught.value)
    assert not raw.exists()
    return str(caught.value)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_release_in_either_layout_is_taken_over_whole(layout: str, tmp_path: Path, monkeypatch: Patch) -> None:
    release = write_release(tmp_path / "release", layout)
    with serving(release) as hub:
        connect(hub, tmp_path / "hub", monkeypatch)
        inspection = link(hub, tmp_path / "raw")
    assert content(tmp_path / "raw") == content(release)
    assert sorted(hub.fetched()) == hub.tags(content(release)), "each content once, and none that is of no use"
    report = inspection.report()
    assert (report["repository"], report["revision"]) == (REPOSITORY, hub.commit)
    assert (report["samples"], report["clips"]) == (20, 3)
    assert report["map_differences"] == {"only_published": [], "only_standard": [], "unequal": []}
    assert inspection.notices == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_map_of_what_was_fetched_is_the_published_one(layout: str, tmp_path: Path, monkeypatch: Patch) -> None:
    release = write_release(tmp_path / "release", layout)
    with serving(release) as hub:
        connect(hub, tmp_path / "hub", monkeypatch)
        link(hub, tmp_path / "raw")
    result = CliRunner().invoke(app, ["map", str(tmp_path / "raw"), "--out", str(tmp_path / "own.json")])
    assert result.exit_code == 0, result.output
    own, published = json.loads((tmp_path / "own.json").read_text()), read_split_map(release / DATASET_MAP_FILE)
    if layout == "augmented":
        assert own == json.loads((release / DATASET_MAP_FILE).read_text())
    assert read_split_map(tmp_path / "own.json").equals(published)


def test_files_are_shared_with_the_clients_cache_and_a_second_run_fetches_nothing(
    hub: LoopbackHub, release: Path, tmp_path: Path
) -> None:
    link(hub, tmp_path / "raw")
    cached = {path.stat().st_ino for path in (tmp_path / "hub").rglob("blobs/*")}
    assert {path.stat().st_ino for path in (tmp_path / "raw").rglob("*.*")} == cached
    hub.requests.clear()
    link(hub, tmp_path / "again")
    assert hub.requests == []
    assert content(tmp_path / "again") == content(release)


def test_where_the_disk_has_no_links_files_are_copied(
    hub: LoopbackHub, release: Path, tmp_path: Path, monkeypatch: Patch
) -> None:
    def another_disk(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", another_disk)
    link(hub, tmp_path / "raw")
    assert content(tmp_path / "raw") == content(release)
    assert {path.stat().st_nlink for path in (tmp_path / "raw").rglob("*.*")} == {1}


def test_without_a_commit_the_newest_is_named(hub: LoopbackHub) -> None:
    with pytest.raises(UserError, match=rf"dataset\.revision is null; .* -S dataset\.revision={hub.commit}$"):
        fetch(REPOSITORY, None)
    assert hub.fetched() == []


def test_the_token_of_the_environment_goes_to_the_hub(hub: LoopbackHub, tmp_path: Path, monkeypatch: Patch) -> None:
    hub.faults.gated = hub.faults.private = True
    monkeypatch.setenv("HF_TOKEN", hub.faults.token)
    link(hub, tmp_path / "raw")
    # Once a day and process, the client asks for a list of its own, without a token.
    asked = [
        (path, token)
        for _, path, token in hub.requests
        if path.startswith(("/api/datasets/", "/datasets/", "/content/"))
    ]
    sent = {(path.split("/")[1], token) for path, token in asked}
    assert sent == {("api", hub.faults.token), ("datasets", hub.faults.token), ("content", None)}


def test_connections_that_are_cut_are_resumed(hub: LoopbackHub, release: Path, tmp_path: Path) -> None:
    hub.faults.cut = 0.5
    link(hub, tmp_path / "raw")
    assert content(tmp_path / "raw") == content(release)
    assert len(hub.fetched()) > 1.5 * len(hub.tags(content(release)))


@pytest.mark.parametrize("down_after", [1, 10, 40])
def test_a_hub_that_goes_down_is_told_and_the_second_run_fetches_the_rest(
    hub: LoopbackHub, release: Path, tmp_path: Path, down_after: int
) -> None:
    hub.faults.down_after, hub.faults.cut = down_after, 0.2
    said = refused(hub, tmp_path / "raw")
    assert said.startswith(f"{REPOSITORY}: not fetched from {hub.endpoint} (")
    assert said.endswith("what came whole is kept, so run the same command again")
    whole = {path.name for path in (tmp_path / "hub").rglob("blobs/*") if path.suffix != ".incomplete"}
    hub.faults.down_after, hub.faults.cut = None, 0.0
    hub.requests.clear()
    link(hub, tmp_path / "raw")
    assert content(tmp_path / "raw") == content(release)
    assert sorted(hub.fetched()) == [tag for tag in hub.tags(content(release)) if tag not in whole]


def test_no_network_at_all_is_told(hub: LoopbackHub, tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert "not fetched from http://127.0.0.1:9 ([Errno" in refused(hub, tmp_path / "raw")


REFUSALS: dict[str, tuple[Callable[[LoopbackHub, Patch], object], str]] = {
    # what is wrong, what is said
    "commit": (lambda h, _: setattr(h, "commit", "f" * 40), "no commit {commit} at {endpoint}; with dataset.revision="),
    "data set": (lambda h, _: h.blobs.clear(), "has no files in blaze_augmented or gt_augmented or"),
    "gated": (lambda h, _: setattr(h.faults, "gated", True), "gated; accept its conditions at {endpoint}/datasets/"),
    "private": (lambda h, _: setattr(h.faults, "private", True), "no such data set at {endpoint}, or it is private"),
    "token": (lambda _, p: p.setenv("HF_TOKEN", "hf_wrong"), "does not let this token in (401); set HF_TOKEN to a"),
    "too many requests": (lambda h, _: vars(h.faults).update(busy=10**6, busy_status=429), "asks to wait, too many"),
    "trouble": (lambda h, _: setattr(h.faults, "busy", 10**6), "answers with 503; what came whole is kept"),
    "log-in page": (lambda h, _: setattr(h.faults, "not_json", True), "not fetched from {endpoint} ("),
    "wrong bytes": (lambda h, _: h.faults.wrong.add(SOURCE), f"1 of another size or content ({SOURCE})"),
    "too few bytes": (lambda h, _: h.faults.short.add(SOURCE), f"1 of another size or content ({SOURCE})"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", REFUSALS)
def test_what_is_refused_is_one_sentence_and_the_second_run_completes(
    hub: LoopbackHub, release: Path, tmp_path: Path, monkeypatch: Patch, wrong: str
) -> None:
    spoil, expected = REFUSALS[wrong]
    commit, blobs, faults = hub.commit, dict(hub.blobs), vars(hub.faults) | {"wrong": set(), "short": set()}
    with monkeypatch.context() as patched:
        spoil(hub, patched)
        with pytest.raises(UserError) as caught:
            link_huggingface(REPOSITORY, commit, tmp_path / "raw", workers=1)
    assert expected.format(commit=commit, endpoint=hub.endpoint) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "raw").exists()
    hub.commit, hub.blobs = commit, blobs
    vars(hub.faults).update(faults)
    if wrong != "data set":  # a commit's listing does not change, and is kept
        link(hub, tmp_path / "raw")
        assert content(tmp_path / "raw") == content(release)


def test_where_xet_storage_is_shut_plain_http_is_left(
    hub: LoopbackHub, release: Path, tmp_path: Path, monkeypatch: Patch
) -> None:
    hub.faults.xet = True
    assert "File reconstruction error" in refused(hub, tmp_path / "raw")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    link(hub, tmp_path / "raw")
    assert content(tmp_path / "raw") == content(release)


def test_offline_the_cache_is_enough_if_it_holds_all(
    hub: LoopbackHub, release: Path, tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set, and the cache" in refused(hub, tmp_path / "raw")
    with pytest.raises(UserError, match="cannot name the newest commit"):
        fetch(REPOSITORY, None)
    assert hub.requests == []
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    link(hub, tmp_path / "raw")
    hub.requests.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    link(hub, tmp_path / "raw")
    assert content(tmp_path / "raw") == content(release)
    next((tmp_path / "hub").rglob(SOURCE)).unlink()
    assert f"does not hold all of {hub.commit}" in refused(hub, tmp_path / "raw")
    assert hub.requests == []


def test_a_snapshot_whose_listing_is_not_known_does_not_count_as_whole(
    hub: LoopbackHub, tmp_path: Path, monkeypatch: Patch
) -> None:
    """As an older client leaves it, or a copied part of a cache; the client itself takes any part for the whole."""
    link(hub, tmp_path / "raw")
    copied = shutil.copytree(tmp_path / "hub", tmp_path / "copied", symlinks=True)
    shutil.rmtree(next(copied.rglob("trees")))
    next(copied.rglob(SOURCE)).unlink()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(copied))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert f"does not hold all of {hub.commit}" in refused(hub, tmp_path / "raw")


def test_a_damaged_cache_is_mended(hub: LoopbackHub, release: Path, tmp_path: Path) -> None:
    link(hub, tmp_path / "raw")
    paths = [path.resolve() for path in sorted((tmp_path / "hub").rglob("snapshots/**/*.npy"))]
    changed = paths[0].read_bytes()
    for path, damaged in zip(paths, (changed[:-1] + b"\0", changed[:-1]), strict=False):
        path.unlink()
        path.write_bytes(damaged)
    hub.requests.clear()
    assert "2 of another size or content (blaze_augmented/" in refused(hub, tmp_path / "raw")
    assert hub.requests == []
    link(hub, tmp_path / "raw")
    assert len(hub.fetched()) == 2
    assert content(tmp_path / "raw") == content(release)


def test_a_stray_sample_in_the_cache_is_named(hub: LoopbackHub, tmp_path: Path) -> None:
    link(hub, tmp_path / "raw")
    listed = next((tmp_path / "hub").rglob(SOURCE))
    stray = listed.with_name(listed.name.replace("seg0", "seg7"))
    shutil.copy(listed, stray)
    assert "1 not listed (blaze_augmented/S1/acting1/cam1/blaze_S1_acting1_cam1_seg7" in refused(hub, tmp_path / "raw")
    assert stray.exists(), "a file that somebody put there is theirs to remove"


MORE = "blaze_S1_acting1_cam1_seg9_s1_o0.npy"


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda entries: entries[:-1], "1 entries lacking"),
        (lambda entries: [*entries, entries[0] | {"source": MORE, "target": "y.npy"}], f"1 more entries ({MORE})"),
        (lambda entries: [entry | {"split_train": False} for entry in entries], "9 other entries"),
        (lambda entries: {"version": 2}, "not readable as a JSON list"),
    ],
)
def test_a_map_that_is_another_one_is_told_and_stops_nothing(
    release: Path, tmp_path: Path, monkeypatch: Patch, spoil: Callable[[list], object], expected: str
) -> None:
    entries = json.loads((release / DATASET_MAP_FILE).read_text())
    (release / DATASET_MAP_FILE).write_text(json.dumps(spoil(entries)))
    with serving(release) as hub:
        connect(hub, tmp_path / "hub", monkeypatch)
        inspection = link(hub, tmp_path / "raw")
    assert content(tmp_path / "raw") == content(release)
    (notice,) = inspection.notices
    assert notice.startswith(DATASET_MAP_FILE)
    assert expected in notice


def test_samples_that_contradict_are_left_out_and_told(release: Path, tmp_path: Path, monkeypatch: Patch) -> None:
    (release / SOURCE.replace("blaze_augmented", "gt_augmented").replace("/blaze_", "/gt_")).unlink()
    with serving(release) as hub:
        connect(hub, tmp_path / "hub", monkeypatch)
        inspection = link(hub, tmp_path / "raw")
    assert len(inspection.faults) == 6
    assert inspection.faults[0].sentence.startswith(f"{SOURCE}: no target")
    assert not (tmp_path / "raw" / SOURCE).exists()


def test_the_first_three_stages_read_what_the_hub_holds(
    hub: LoopbackHub, tmp_path: Path, monkeypatch: Patch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("blaze2cap.data.parallel.cores_here", lambda: 1)
    params = tmp_path / "params.yaml"
    params.write_text(
        f"dataset: {{source: huggingface, revision: {hub.commit}}}\n"
        "preprocess: {strides: [1, 2, 3]}\n"
        "runtime: {executor: local}\n"
        "split: {validation: []}\n"
    )
    raw, clips, split, metrics = run_first_three(tmp_path, params)
    assert read_split_map(split / "split_map.json").equals(read_split_map(raw / DATASET_MAP_FILE))
    assert json.loads((metrics / "download.json").read_text())["revision"] == hub.commit
    assert ClipSet.load(clips).source == "published"
    assert "download:" not in capsys.readouterr().err


def test_a_file_is_held_against_the_name_that_git_gives_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content\n")
    command = ["git", "hash-object", "--no-filters", str(tmp_path / "a")]
    blob_id = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    found = {"a", "stray"}
    listed = [ListedFile("a", 8, blob_id), ListedFile("b", 1, blob_id)]
    (tmp_path / "stray").touch()
    assert deviations(tmp_path, found, listed, workers=1) == (["b"], ["stray"], [])
    assert str(deviations(tmp_path, found, listed, workers=1)) == "1 missing (b), 1 not listed (stray)"
    assert deviations(tmp_path, {"a"}, listed[:1], workers=1) is None
    assert deviations(tmp_path, {"a"}, [ListedFile("a", 8, "0" * 40)], workers=1) == ([], [], ["a"])
    assert deviations(tmp_path, {"a"}, [ListedFile("a", 9, blob_id)], workers=1) == ([], [], ["a"])
