"""The data set of the published size is the published one by its numbers, and the cost model's tables are its own."""

import importlib
import os
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
from import_graph import ROOT

from blaze2cap.data.augment import AUGMENTED, strided
from blaze2cap.data.published import SampleName
from blaze2cap.data.segment import Segment
from blaze2cap.data.sources.published import inspect_published
from blaze2cap.data.split import standard_part


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`benchmarks/published_size.py`."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("published_size")


def test_samples_are_as_many_as_published_in_every_part(benchmark: ModuleType) -> None:
    """With the views that camera 5 lost, and without them; frames at all strides make up 6.89 GB."""
    samples, kept, of_take, size = Counter(), Counter(), Counter(), 0
    for take, clips in benchmark.segments(benchmark.TAKE_FRAMES).items():
        for clip, lengths in clips.items():
            assert sum(lengths) == benchmark.TAKE_FRAMES
            parts = [part for length in lengths for part in strided(Segment(0, length), benchmark.STRIDES)]
            part = standard_part(take)
            samples[part] += len(parts)
            of_take[take] += len(parts)
            if not SampleName(clip.subject, clip.action, clip.camera, 0, 1, 0).is_of_another_person:
                kept[part] += len(parts)
            size += sum(2 * 128 + 4 * (25 * 7 + 22 * 6) * part.frames for part in parts)
    assert samples == {"train": 2775, "test": 2068, "none": 5164 - 2775 - 2068}
    assert kept == {"train": 2607, "test": 1912, "none": 4828 - 2607 - 1912}
    assert [of_take[take] for take in benchmark.SEGMENTS_OF_TAKE] == [78, 78, 66, 60]
    assert size == pytest.approx(6.89e9, rel=1e-3)


def test_a_take_is_sound_and_its_strides_repeat_the_first(benchmark: ModuleType, tmp_path: Path) -> None:
    clips = benchmark.segments(300)["S5/walking3"]
    written = benchmark.write_take(benchmark.TakeJob(tmp_path, AUGMENTED, "S5/walking3", dict(list(clips.items())[:2])))
    inspection = inspect_published(tmp_path, workers=1)
    assert inspection.faults == []
    assert inspection.missing == []
    assert sorted(inspection.samples) == sorted(written)


def test_space_on_the_disk_counts_a_file_of_two_names_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    full_size = importlib.import_module("full_size")
    (tmp_path / "one").write_bytes(bytes(10**6))
    alone = full_size.disk_bytes([tmp_path])
    os.link(tmp_path / "one", tmp_path / "two")
    assert full_size.disk_bytes([tmp_path]) == alone
    assert alone == pytest.approx(10**6, rel=0.01)


def test_the_document_has_the_tables_of_the_cost_model(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    importlib.import_module("cost_model").main()
    printed = capsys.readouterr().out.strip()
    assert all(table in (ROOT / "docs" / "scale.md").read_text() for table in printed.split("\n\n"))
