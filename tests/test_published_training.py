"""Training and evaluation where the root is known from each segment's start on only, and nobody's own bones are."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from test_training import SMALL, silent, train_params
from tiny import bones, swaying, tiny_clipset
from torch import Tensor

from blaze2cap.body.motion import Motion, root_deltas
from blaze2cap.body.rotation import (
    geodesic_angle,
    matrix_to_rotation_6d,
    rotation_6d_to_matrix,
    rotation_vector_to_matrix,
)
from blaze2cap.data import schema
from blaze2cap.data.augment import LAYOUTS
from blaze2cap.data.clipset import EVERYTHING, NOTHING, ClipSet, Known
from blaze2cap.data.export import export_dataset
from blaze2cap.data.generated_motion import GeneratedParams
from blaze2cap.data.manifest import write_manifest
from blaze2cap.data.parallel import RuntimeParams
from blaze2cap.data.preprocess import PreprocessParams, preprocess
from blaze2cap.data.sources.published import copy_published
from blaze2cap.data.windows import Windows
from blaze2cap.errors import UserError
from blaze2cap.learning import scoring
from blaze2cap.learning.absolute_root import require_absolute_root, turned_in_runs, turned_to
from blaze2cap.learning.baseline import fit_baselines
from blaze2cap.learning.batches import TrainingData
from blaze2cap.learning.evaluation import EvaluateParams, Report, evaluate, joint_table, score_checkpoint
from blaze2cap.learning.fit import fit
from blaze2cap.learning.headline import headline, system_table
from blaze2cap.learning.loss import LossParams, loss_sums, means
from blaze2cap.learning.measure import COLUMNS, NEEDS, STANDARD_BONES
from blaze2cap.learning.reliability import CONFIDENCE
from blaze2cap.learning.report_plots import write_plots
from blaze2cap.learning.scoring import RAW, score
from blaze2cap.learning.table import plain_table
from blaze2cap.learning.training import Trainer

TAKES = ("S1/freestyle1", "S1/walking2")
TURN = rotation_vector_to_matrix(torch.tensor([0.4, -1.2, 0.7]))
MADE_UP = GeneratedParams(share=0.5, takes=1, seconds=6.0)


def without_root(clipset: ClipSet, turn: Tensor = TURN, known: Known = NOTHING) -> ClipSet:
    """The same recordings, of whose truth no more is known: the root starts anywhere."""
    rotation = rotation_6d_to_matrix(torch.from_numpy(clipset.rotation))
    rotation[:, 0] = turn @ rotation[:, 0]
    takes = clipset.takes.assign(root_known=Known.ROOT in known, bones_known=Known.BONES in known)
    return dataclasses.replace(clipset, takes=takes, rotation=matrix_to_rotation_6d(rotation).numpy())


@pytest.fixture(scope="module")
def clipset() -> ClipSet:
    return tiny_clipset(TAKES)


def test_the_roots_own_deviation_counts_only_where_its_orientation_is_known() -> None:
    rotation, position = (part[None] for part in swaying(20, seed=0))
    valid, said = torch.ones(1, 20, dtype=torch.bool), torch.full((1, 20, 21), 0.1)
    said[..., 0] = 1.0
    truth = Motion(rotation, *root_deltas(position, rotation[:, :, 0], ~valid), valid, said)
    outlier = torch.zeros(1, 21, 21, dtype=torch.bool)
    guessed, known = (
        means(loss_sums(truth, truth, bones()[None], valid, outlier, torch.tensor([root_known])))["deviation"].item()
        for root_known in (False, True)
    )
    assert guessed == pytest.approx(np.log(0.1), rel=1e-5)
    assert known > np.log(0.1) + 0.05


def test_a_segment_starts_as_its_landmarks_show_it(clipset: ClipSet) -> None:
    """Wherever the packed truth starts; its course stays what it is."""
    known, one, other = (
        Windows(c, TAKES, 16) for c in (clipset, without_root(clipset, torch.eye(3)), without_root(clipset))
    )
    row = np.arange(len(known.frames))
    start = np.minimum(3, known.frames - 1)
    truth, guessed, again = (windows.at(row, start).truth() for windows in (known, one, other))
    torch.testing.assert_close(again.rotation, guessed.rotation, atol=1e-4, rtol=0)
    torch.testing.assert_close(guessed.delta_rotation, truth.delta_rotation, atol=1e-5, rtol=0)
    root, true = guessed.rotation[:, :, 0], truth.rotation[:, :, 0]
    assert geodesic_angle(root, true)[truth.valid].mean() < 0.25, "the detections of this clip set are nearly exact"
    assert geodesic_angle(turned_to(root, true, truth.valid), true)[truth.valid].max() < 3e-3


def test_every_segment_starts_by_itself_and_frames_that_do_not_count_have_no_say() -> None:
    root = swaying(30, seed=0)[0][:, 0]
    starts = [TURN, TURN.mT, TURN @ TURN]
    elsewhere = torch.cat([turn @ part for turn, part in zip(starts, root.split(10), strict=True)])
    start = torch.arange(30) % 10 == 0
    counted = torch.arange(30) % 3 != 1
    other = torch.where(counted[:, None, None], root, torch.nan)
    assert geodesic_angle(turned_in_runs(elsewhere, other, counted, start), root).max() < 2e-3


def test_the_clips_say_what_is_known(clipset: ClipSet) -> None:
    assert clipset.known(TAKES[0]) == EVERYTHING
    half = without_root(clipset, known=Known.BONES)
    assert half.known(TAKES[0]) == Known.BONES
    assert half.takes_with(Known.BONES, TAKES) == list(TAKES)
    assert half.takes_with(Known.ROOT, TAKES) == half.takes_with(EVERYTHING, TAKES) == []
    require_absolute_root(clipset, TAKES)
    with pytest.raises(UserError, match=r"2 takes have no absolute root \(S1/freestyle1\)"):
        require_absolute_root(half, TAKES)


def test_simulated_windows_are_made_up_where_no_take_has_a_place_in_the_world(clipset: ClipSet) -> None:
    unplaced = without_root(clipset)
    params = train_params(batch=8, simulated_share=0.5, generated=MADE_UP)
    assert TrainingData(clipset, list(TAKES), params).counts(8) == (4, 4, 0)
    data = TrainingData(unplaced, list(TAKES), params)
    assert data.counts(8) == (6, 2, 0)
    batch = data.batch(0)
    assert batch.root_known.tolist() == [False] * 6 + [True] * 2
    # Of made-up motion the body's rotations do not count, and the person is upright before the camera, whose y is down.
    assert batch.outlier[6:, :, 1:].all()
    assert (batch.landmarks[6:, 1:, 0, 1] < batch.landmarks[6:, 1:, 19:21, 1].mean(-1)).float().mean() > 0.5
    none = dataclasses.replace(params, generated=dataclasses.replace(MADE_UP, share=0.0))
    assert TrainingData(unplaced, list(TAKES), none).simulated is None


def test_the_bootstrap_detector_asks_for_a_truth_before_the_camera(clipset: ClipSet) -> None:
    params = train_params(batch=8, simulated_share=0.5, generated=MADE_UP, detector="bootstrap")
    with pytest.raises(UserError, match=r"train\.detector is bootstrap.*2 takes have no absolute root.*use parametric"):
        TrainingData(without_root(clipset), list(TAKES), params)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_where_the_truth_starts_teaches_nothing(clipset: ClipSet, precision: str, tmp_path: Path) -> None:
    curves, scales = [], []
    for name, turn in (("one", torch.eye(3)), ("other", TURN)):
        unplaced = without_root(clipset, turn)
        params = train_params(simulated_share=0.0, precision=precision)
        data = TrainingData(unplaced, [TAKES[0]], params)
        data.steps = 8
        validation = Windows(unplaced, [TAKES[1]], params.window)
        trainer = Trainer(data, validation, SMALL, LossParams(acceleration=20.0), params, torch.device("cpu"))
        best, _ = trainer.run(tmp_path / name, 0, silent)
        curves.append([value for row in trainer.curves for value in row.values()])
        scales.append(float(best.deviation_scale))
    # The jerk of an answer in bf16 is mostly that of its last digits.
    assert curves[1] == pytest.approx(curves[0], rel=1e-2 if precision == "fp32" else 2e-2)
    assert scales[1] == pytest.approx(scales[0], rel=1e-2)


def test_where_the_truth_starts_changes_no_baseline(clipset: ClipSet) -> None:
    one, other = (fit_baselines(without_root(clipset, turn), TAKES) for turn in (torch.eye(3), TURN))
    for name, tensor in one.tensors().items():
        torch.testing.assert_close(other.tensors()[name], tensor, atol=1e-3, rtol=0)
    known = fit_baselines(clipset, TAKES)
    assert geodesic_angle(one.correction[1:], known.correction[1:]).max() < 0.2, "the landmarks' root is near the truth"


def blurred(clipset: ClipSet) -> object:
    """A system that knows where the truth starts and errs, by the landmarks that it is given."""
    truths = {clipset.clip_landmarks(clip).sum().item(): clipset.clip_truth(clip) for clip in clipset.clips.index}

    def system(landmarks: Tensor, intrinsics: Tensor, dt: float) -> Motion:
        truth = truths[landmarks.sum().item()]
        noise = torch.randn(len(landmarks), 21, 3, generator=torch.Generator().manual_seed(0))
        rotation = truth.rotation @ rotation_vector_to_matrix(0.1 * noise)
        still = torch.zeros(len(landmarks), dtype=torch.bool)
        deviation = torch.full((len(landmarks), 21), 0.2)
        return Motion(rotation, *root_deltas(1.1 * truth.root_position, rotation[:, 0], still), ~still, deviation)

    return system


def report_of(clipset: ClipSet, system: object) -> Report:
    systems = {"model": system, "one_euro_ik": system}
    scores = score(clipset, {"test": [TAKES[1]], "train": [TAKES[0]]}, systems, bones())  # type: ignore[arg-type]
    # Of a single block there would be no intervals: here each camera stands for one.
    scores = dataclasses.replace(scores, blocks=scores.blocks.assign(block=scores.blocks.camera.astype(int)))
    return evaluate(scores, {"S1"}, EvaluateParams(bootstrap_samples=100))


@pytest.fixture(scope="module")
def reports(clipset: ClipSet) -> tuple[Report, Report, Report]:
    """Of one system: all known, nothing known, and nothing known from another start on."""
    system = blurred(clipset)
    return tuple(report_of(c, system) for c in (clipset, without_root(clipset, torch.eye(3)), without_root(clipset)))  # type: ignore[return-value]


def test_figures_are_the_same_wherever_the_truth_starts(reports: tuple[Report, Report, Report]) -> None:
    _, one, other = reports
    assert [list(part) for part in one.values()] == [list(part) for part in other.values()]
    for key in (key for key in one["test"] if key in (*COLUMNS, *CONFIDENCE)):
        assert other["test"][key] == pytest.approx(one["test"][key], rel=2e-3), key


def test_figures_that_the_form_can_give_are_those_of_the_whole_truth(reports: tuple[Report, Report, Report]) -> None:
    known, _, unknown = (report["test"] for report in reports)
    for key in ("mare_rad", "mare_root_delta_rad", "root_drift_1s_mm"):
        assert unknown[key] == pytest.approx(known[key], rel=2e-3), key
    # Here the standard bones are the person's own.
    for key in ("mpjpe_local_mm", "jitter_ratio"):
        assert unknown[STANDARD_BONES[key]] == pytest.approx(known[key], rel=2e-3), key
    # The start that fits best is nearly the true one.
    key = "acceleration_error_mm_per_frame2"
    assert unknown[STANDARD_BONES[key]] == pytest.approx(known[key], rel=0.02)


def test_what_the_form_cannot_give_is_absent_with_its_reason_and_nothing_is_no_number(
    reports: tuple[Report, Report, Report],
) -> None:
    known, _, unknown = reports
    assert "left_out" not in known["test"]
    assert not set(STANDARD_BONES.values()) & known["test"].keys()
    for part in unknown.values():
        needy = [key for key in COLUMNS if NEEDS[key] != NOTHING]
        assert list(part["left_out"]) == [*needy, "baseline.raw"]
        assert "the person's own bones; see mpjpe_local_standard_bones_mm" in part["left_out"]["mpjpe_mm"]
        for group in (part, part["seen"], part["by_camera"]["1"], part["by_joint"]["Head"], part["interval"]):
            assert not set(needy) & group.keys()
        assert RAW not in part["baseline"]
        assert part["by_pose"].keys() <= {"arms_hidden"}
        assert "deviation_ratio" in part
    assert "deviation_rad" not in unknown["test"]["by_joint"]["Hips"]
    assert json.loads(json.dumps(unknown, allow_nan=False)) == unknown
    assert len(unknown["test"]["interval"]) > 5


def test_headline_and_tables_name_what_stands_in(reports: tuple[Report, Report, Report]) -> None:
    known, _, unknown = reports
    stand_ins = {*STANDARD_BONES.values(), "mare_root_delta_rad"}
    short = headline(unknown)["test"]
    assert set(short) - {"baseline"} == {"mare_rad", *stand_ins}
    assert not stand_ins & headline(known)["test"].keys()
    table = schema.check(system_table(unknown), "systems", "systems.csv")
    assert table.mpjpe_mm.isna().all()
    assert table[list(dict.fromkeys(STANDARD_BONES.values()))].notna().all(axis=None)
    assert not stand_ins & set(system_table(known))
    printed = plain_table("test", unknown["test"])
    assert "local, std bones" in printed.splitlines()[1]
    assert "raw landmarks" not in printed
    assert "left out, as the root's absolute pose or the bones are not known: MPJPE, local, PA" in printed
    with pytest.raises(UserError, match="mpjpe_mm given, or mpjpe_local_standard_bones_mm"):
        schema.check(table.drop(columns=list(stand_ins)), "systems", "systems.csv")


def test_plots_and_joints_show_what_stands_in(clipset: ClipSet, tmp_path: Path) -> None:
    unplaced, system = without_root(clipset), blurred(clipset)
    scores = score(unplaced, {"test": [TAKES[1]]}, {"model": system}, bones())  # type: ignore[dict-item]
    joints = schema.check(joint_table(scores), "joints", "joints.csv")
    assert joints.mpjpe_local_standard_bones_mm.notna().all()
    assert joints.mpjpe_mm.isna().all()
    write_plots(tmp_path, unplaced, scores, system)  # type: ignore[arg-type]
    assert len(list(tmp_path.glob("*.png"))) == 5


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Moving people exported in the published form and packed again."""
    from recordings import write_recordings

    folder = tmp_path_factory.mktemp("exported")
    takes = {"S1/freestyle1": 90, "S2/freestyle2": 60, "S1/walking2": 70}
    write_recordings(folder / "recorded", takes)
    write_manifest(folder / "recorded", "totalcapture", [], None, workers=1)
    preprocess(folder / "recorded", folder / "whole", PreprocessParams(), workers=1)
    parts = dict(zip(takes, ("train", "val", "test"), strict=True))
    export_dataset(folder / "whole", parts, folder / "published", LAYOUTS["augmented"], workers=1)
    inspection = copy_published(folder / "published", folder / "raw", workers=1)
    write_manifest(folder / "raw", "published", inspection.faults, folder / "published", workers=1)
    preprocess(folder / "raw", folder / "clips", PreprocessParams(), workers=1)
    return folder


def test_windows_of_the_form_turn_and_move_as_those_of_the_recordings(exported: Path) -> None:
    whole, form = ClipSet.load(exported / "whole"), ClipSet.load(exported / "clips")
    for ours, theirs in zip((whole, form), (form, whole), strict=True):
        assert set(ours.samples.index) == set(theirs.samples.index)
    windows = [Windows(c, ["S1/freestyle1"], 16) for c in (whole, form)]
    sources = [c.samples.index[c.samples["clip"].str.startswith("S1/freestyle1")] for c in (whole, form)]
    for source in sources[0]:
        rows = [np.array([index.get_loc(source)]) for index in sources]
        known, open_ = (w.at(row, np.array([3])) for w, row in zip(windows, rows, strict=True))
        assert known.root_known.all()
        assert not open_.root_known.any()
        truth, truth_of_form = known.truth(), open_.truth()
        torch.testing.assert_close(truth_of_form.delta_rotation, truth.delta_rotation, atol=1e-5, rtol=0)
        torch.testing.assert_close(truth_of_form.delta_position, truth.delta_position, atol=1e-5, rtol=0)
        torch.testing.assert_close(truth_of_form.rotation[:, :, 1:], truth.rotation[:, :, 1:], atol=1e-5, rtol=0)
        turned = turned_to(truth_of_form.rotation[:, :, 0], truth.rotation[:, :, 0], truth.valid)
        assert geodesic_angle(turned, truth.rotation[:, :, 0])[truth.valid].max() < 3e-3, "the same up to the start"


def test_training_and_evaluation_run_through_on_the_form(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLAZE2CAP_CACHE", str(tmp_path))
    clipset = ClipSet.load(exported / "clips")
    assert clipset.parts == {"S1/freestyle1": "train", "S1/walking2": "test", "S2/freestyle2": "val"}
    params = train_params(batch=8, simulated_share=0.5, generated=MADE_UP)
    parts = {"train": ["S1/freestyle1"], "val": ["S2/freestyle2"], "test": ["S1/walking2"]}
    checkpoint, curves, _ = fit(
        exported / "clips", parts, SMALL, LossParams(), params, RuntimeParams(device="cpu"), silent
    )
    assert all(np.isfinite(list(row.values())).all() for row in curves)
    assert checkpoint.provenance["source"] == "published"
    scores = score_checkpoint(clipset, {part: parts[part] for part in ("test", "val")}, checkpoint)
    report = evaluate(scores, {"S1"}, EvaluateParams(bootstrap_samples=100))
    assert list(report) == ["test", "val"]
    for part in report.values():
        assert {"mare_rad", "mpjpe_local_standard_bones_mm", "mare_root_delta_rad"} <= part.keys()
        assert list(part["baseline"]) == ["one_euro_ik", "constant_pose"]
    assert isinstance(system_table(report), pd.DataFrame)


def test_blocks_of_a_take_hold_all_views_of_their_seconds(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each view of the form has truth of its own, one after the other; redrawn by itself, intervals were too narrow."""
    monkeypatch.setattr(scoring, "BLOCK_S", 0.5)
    for form in ("whole", "clips"):
        clipset = ClipSet.load(exported / form)
        offset = torch.from_numpy(clipset.offset[0].copy())
        blocks = score(clipset, {"test": ["S1/walking2"]}, {}, offset).blocks
        assert len(clips := blocks.groupby("camera")["block"].unique()) == 2
        assert [numbers.tolist() for numbers in clips] == [[0, 1, 2]] * 2, form
