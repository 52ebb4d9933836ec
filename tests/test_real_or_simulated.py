"""Laws of the benchmark that tells simulated windows from real ones: it compares errors only, and it can fail."""

import importlib
import math
from types import ModuleType

import numpy as np
import pytest
import torch
from import_graph import ROOT
from tiny import tiny_clipset

from blaze2cap.data.detector.parametric import ParametricDetector
from blaze2cap.errors import UserError

TAKES = ("S1/freestyle1", "S1/freestyle2", "S2/freestyle2")


@pytest.fixture
def load(monkeypatch):
    """Modules of benchmarks/ by name."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module


@pytest.fixture
def windows(load) -> ModuleType:
    return load("paired_windows")


@pytest.fixture
def classifier(load) -> ModuleType:
    return load("window_classifier")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_auc_is_the_share_of_pairs_in_the_right_order(classifier):
    assert classifier.auc(np.array([3.0, 2.0]), np.array([1.0, 2.0])) == 0.875


def test_interval_of_the_auc_draws_whole_blocks(classifier):
    score, real = torch.tensor([1.0, 0.0, 0.0, 1.0]).repeat(50), torch.tensor([True, False, True, False]).repeat(50)
    pair = torch.arange(200) // 2
    alone = classifier.auc_with_interval(score, real, pair, 0)
    block = (torch.arange(200) // 2) % 2  # all right pairs in one block, all wrong ones in the other
    assert alone.value == 0.5
    assert 0.3 < alone.low < 0.5 < alone.high < 0.7
    assert classifier.auc_with_interval(score, real, block, 0)[1:] == (0.0, 1.0)


def test_detections_without_error_leave_no_error(windows):
    real = windows.real_windows(windows.views_of(tiny_clipset(), "S1/freestyle1", 32, 16))
    assert real.error[..., :5].abs().max() < 1e-5
    assert real.error[..., 5].unique().tolist() == [1.0]


def test_windows_stay_inside_a_segment(windows):
    views = windows.views_of(tiny_clipset(), "S1/freestyle1", 32, 1)
    # Camera 1: 150 frames in one; camera 2: 60 and 80.
    assert len(views.block) == 119 + 29 + 49
    assert (views.landmarks != 0).flatten(2).any(2).all()


def test_a_take_without_a_window_is_refused(windows):
    with pytest.raises(UserError, match="as long as a window of 500 frames"):
        windows.views_of(tiny_clipset(), "S1/freestyle1", 500, 16)


def test_simulated_and_real_windows_share_truth_and_blocks(windows):
    views = windows.views_of(tiny_clipset(), "S1/freestyle1", 32, 16)
    real, simulated = windows.real_windows(views), windows.simulated_windows(views, ParametricDetector(), generator())
    assert torch.equal(real.truth, simulated.truth)
    assert torch.equal(real.block, simulated.block)
    assert not torch.equal(real.error, simulated.error)


def test_no_detector_learns_from_the_windows_that_it_simulates(load, monkeypatch):
    benchmark = load("real_or_simulated")
    fitted = []
    monkeypatch.setattr(
        benchmark, "make_detector", lambda _name, _clips, takes: fitted.append(takes) or ParametricDetector()
    )
    pairs = benchmark.make_pairs(tiny_clipset(TAKES, frames=400), "S2/freestyle2", 0)
    assert fitted[:3] == [["S1/freestyle2"], ["S1/freestyle1"], ["S1/freestyle1", "S1/freestyle2"]]
    for pair in pairs.values():
        assert 0 < int(pair.unseen.real.sum()) < len(pair.unseen.real)


def test_a_take_without_landmarks_cannot_judge(load):
    with pytest.raises(UserError, match="S3/rom1 and two other takes with landmarks are needed"):
        load("real_or_simulated").make_pairs(tiny_clipset(TAKES), "S3/rom1", 0)


def test_halves_of_real_windows_split_no_block(windows):
    views = windows.views_of(tiny_clipset(frames=600), "S1/freestyle1", 32, 16)
    halves = windows.real_halves(windows.real_windows(views), generator())
    labels = [halves.real[halves.block == number].unique() for number in halves.block.unique()]
    assert [len(label) for label in labels] == [1] * len(labels)
    assert 0 < sum(int(label) for label in labels) < len(labels)


def test_a_tremor_shows_in_its_band_and_not_in_the_mean(load):
    statistics = load("window_statistics")
    calm = 0.05 * torch.sin(torch.arange(64) * 2 * math.pi / 60)[None, :, None, None].expand(1, -1, 25, 6)
    tremor = 0.005 * torch.sin(10 * torch.arange(64) * 2 * math.pi / 60)[None, :, None, None]
    names, before = statistics.window_statistics(calm)
    change = statistics.window_statistics(calm + tremor)[1] - before
    by_kind: dict[str, list[float]] = {}
    for k, name in enumerate(names):
        if name.channel != "visibility":  # of which 0.005 counts as nothing
            by_kind.setdefault(name.kind, []).append(float(change[0, k]))
    assert max(map(abs, by_kind["mean"])) < 1e-3
    assert min(by_kind["second difference"]) > 1
    assert min(by_kind["8-15 Hz"]) > 3
    assert max(map(abs, by_kind["15-30 Hz"])) < 1
    assert max(map(abs, by_kind["with parent"])) < 1e-3


def test_separation_is_in_standard_deviations(load):
    real, simulated = torch.randn((2, 5000, 1), generator=generator())
    assert float(load("window_statistics").separation(real, 2 * simulated + 1)) == pytest.approx(1 / 2.5**0.5, abs=0.06)


def test_errors_that_move_with_the_motion_are_told_from_those_that_do_not(load):
    goes_with_motion = load("window_statistics").goes_with_motion
    truth = torch.randn((20, 64, 25, 6), generator=generator()).cumsum(1)
    own = torch.randn((20, 64, 25, 6), generator=generator(1)).cumsum(1)
    assert goes_with_motion(0.1 * truth, truth) > 0.99
    assert abs(goes_with_motion(own, truth)) < 0.02


@pytest.mark.parametrize(("shift", "least", "most"), [(0.5, 0.9, 1.0), (0.0, 0.4, 0.6)])
def test_logistic_regression_finds_what_is_there_and_nothing_else(classifier, shift, least, most):
    real = torch.arange(1000) % 2 == 0
    values = torch.randn((1000, 20), generator=generator()) + shift * real[:, None]
    logistic = classifier.fit_logistic(values[:500], real[:500])
    assert least <= classifier.auc_with_interval(logistic(values[500:]), real[500:], torch.arange(500), 0).value <= most


def test_network_tells_a_tremor_of_the_same_size_by_its_tempo(classifier):
    real = torch.arange(400) % 2 == 0
    noise = torch.randn((400, 32, 4), generator=generator())
    smooth = (noise[:, 1:] + noise[:, :-1]) / 2**0.5
    signal = torch.where(real[:, None, None], noise[:, 1:], smooth)
    net = classifier.fit_net(signal[:300], real[:300], 0)
    scores = classifier.net_scores(net, signal[300:])
    assert classifier.auc_with_interval(scores, real[300:], torch.arange(100), 0).value > 0.95
