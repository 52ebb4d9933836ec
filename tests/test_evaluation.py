"""Laws of an evaluation: what adds up, what is scored on what, and what the intervals cover."""

import dataclasses
import json
import math
import platform
import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from blaze2cap.body import landmark, skeleton
from blaze2cap.body.camera import Camera
from blaze2cap.body.landmark import SCREEN, TRACKED, VISIBILITY, WORLD
from blaze2cap.body.motion import Motion, root_deltas
from blaze2cap.body.pose_class import POSE_CLASSES, arms_hidden
from blaze2cap.body.rotation import matrix_to_rotation_6d, rotation_6d_to_matrix, rotation_vector_to_matrix
from blaze2cap.data import schema
from blaze2cap.data.clipset import ClipSet
from blaze2cap.errors import UserError
from blaze2cap.learning.bootstrap_interval import bootstrap_interval
from blaze2cap.learning.evaluation import BY_POSE, EvaluateParams, evaluate, joint_table
from blaze2cap.learning.freed_memory import return_freed_memory
from blaze2cap.learning.measure import COLUMNS, STANDARD_BONES
from blaze2cap.learning.scoring import RAW, Scores, score

TAKES = {"S1/walking2": 700, "S2/walking2": 650, "S4/acting3": 900}
GAP = slice(200, 230)
REJECTED = ("S2/walking2/cam2", 100, 60)
OUTLIERS = slice(100, 150)  # of the first take
PARAMS = EvaluateParams(parts=("test",), bootstrap_samples=200, seed=1)


def smooth(generator: torch.Generator, frames: int, *shape: int) -> torch.Tensor:
    """A few slow sine waves, amplitude about 1."""
    time = torch.arange(frames).reshape(-1, *(1 for _ in shape)) / 60
    rate, phase = (torch.rand(3, *shape, generator=generator) * scale for scale in (1.5, 2 * math.pi))
    return sum((torch.sin(2 * math.pi * r * time + p) for r, p in zip(rate, phase, strict=True))) / 2


@pytest.fixture(scope="module")
def clipset() -> ClipSet:
    generator = torch.Generator().manual_seed(3)
    offset = 0.2 * torch.randn(len(TAKES), 21, 3, generator=generator)
    rotation, position, landmarks, clips, samples = [], [], [], [], []
    takes = pd.DataFrame({"take": list(TAKES), "frames": list(TAKES.values()), "root_known": True, "bones_known": True})
    takes["first_row"] = takes.frames.cumsum() - takes.frames
    takes[["subject", "action"]] = takes["take"].str.split("/", expand=True)
    first_row = 0
    for take, frames in TAKES.items():
        rotation.append(rotation_vector_to_matrix(0.5 * smooth(generator, frames, 21, 3)))
        position.append(torch.tensor([0.0, 1.0, 0.0]) + 0.5 * smooth(generator, frames, 3))
        for camera in ("1", "2"):
            clip = torch.zeros(frames, 25, 7)
            clip[..., WORLD] = 0.5 * smooth(generator, frames, 25, 3)
            clip[..., SCREEN] = 0.5
            clip[..., VISIBILITY] = (1 + smooth(generator, frames, 25)).clamp(0, 1)
            clip[1:, :, TRACKED] = 1
            clip[GAP] = 0
            clip[GAP.stop, :, TRACKED] = 0
            landmarks.append(clip)
            name = f"{take}/cam{camera}"
            subject, action = take.split("/")
            about = {"clip": name, "take": take, "subject": subject, "action": action, "camera": camera}
            truth_row = int(takes.first_row[takes["take"] == take].iloc[0])
            clips.append(about | {"first_row": first_row, "truth_row": truth_row, "frames": frames, "fps": 60.0})
            rejected = name == REJECTED[0]
            samples.append({"clip": name, "stride": 1, "first_frame": REJECTED[1], "frames": REJECTED[2]})
            samples[-1]["rejected"] = rejected
            first_row += frames
    turn = rotation_vector_to_matrix(torch.tensor([[0.3, 0.1, 3.0], [0.2, 1.5, 3.0]]))
    cameras = {
        str(number): Camera(
            fx=1000.0, fy=1000.0, cx=960.0, cy=540.0, width=1920, height=1080, rotation=turn[number - 1],
            translation=torch.tensor([0.1, 0.2, 4.0]),
        )
        for number in (1, 2)
    }  # fmt: skip
    outlier = np.zeros((sum(TAKES.values()), 21), bool)
    outlier[OUTLIERS, skeleton.JOINT_INDEX["RightHand"]] = True
    return ClipSet(
        takes=takes.set_index("take", drop=False),
        clips=pd.DataFrame(clips).set_index("clip", drop=False),
        samples=pd.DataFrame(samples),
        landmarks=torch.cat(landmarks).numpy(),
        rotation=matrix_to_rotation_6d(torch.cat(rotation)).numpy(),
        root_position=torch.cat(position).numpy(),
        outlier=outlier,
        offset=offset.numpy(),
        cameras=cameras,
    )


def noisy_truth(clipset: ClipSet, scale: float) -> Callable[[torch.Tensor, torch.Tensor, float], Motion]:
    """A system that knows the truth, found by the landmarks that it is given, and blurs it."""
    truths = {clipset.clip_landmarks(clip).sum().item(): clipset.clip_truth(clip) for clip in clipset.clips.index}

    def system(landmarks: torch.Tensor, intrinsics: torch.Tensor, dt: float) -> Motion:
        truth = truths[landmarks.sum().item()]
        generator = torch.Generator().manual_seed(len(landmarks))
        noise = rotation_vector_to_matrix(scale * torch.randn(len(landmarks), 21, 3, generator=generator))
        rotation = truth.rotation @ noise
        detected = landmarks.flatten(1).any(1)
        anchor = detected & (landmarks[:, 0, TRACKED] == 0)
        # Where nobody is seen a system may say anything.
        rotation = torch.where(detected[:, None, None, None], rotation, -torch.ones(3, 3))
        return Motion(rotation, *root_deltas(truth.root_position, rotation[:, 0], anchor), detected)

    return system


def scores_of(clipset: ClipSet, takes: dict[str, list[str]], scale: float = 0.1) -> Scores:
    systems = {"model": noisy_truth(clipset, scale), "blurred": noisy_truth(clipset, 2 * scale)}
    return score(clipset, takes, systems, torch.from_numpy(clipset.offset).mean(0))


def scores_with(clipset: ClipSet, rotation: torch.Tensor) -> Scores:
    """Of a system that answers these rotations, in the world's frame, on the clips of the first take."""
    takes = {"test": [next(iter(TAKES))]}
    answers = {}
    for clip in clipset.clips.index[clipset.clips["take"] == takes["test"][0]]:
        turned = rotation.clone()
        turned[:, 0] = clipset.camera_of(clip).rotation @ rotation[:, 0]
        answers[clipset.clip_landmarks(clip).sum().item()] = turned

    def system(landmarks: torch.Tensor, intrinsics: torch.Tensor, dt: float) -> Motion:
        turned, detected = answers[landmarks.sum().item()], landmarks.flatten(1).any(1)
        anchor = detected & (landmarks[:, 0, TRACKED] == 0)
        return Motion(turned, *root_deltas(torch.zeros(len(turned), 3), turned[:, 0], anchor), detected)

    return score(clipset, takes, {"model": system}, torch.from_numpy(clipset.offset).mean(0))


@pytest.fixture(scope="module")
def scores(clipset: ClipSet) -> Scores:
    return scores_of(clipset, {"test": list(TAKES)})


@pytest.fixture(scope="module")
def report(scores: Scores) -> dict:
    return evaluate(scores, {"S1", "S2"}, PARAMS)


def test_the_truth_has_no_error_and_a_jitter_ratio_of_one(clipset: ClipSet) -> None:
    figures = evaluate(scores_of(clipset, {"test": list(TAKES)}, scale=0.0), {"S1"}, PARAMS)["test"]
    for key in ("mpjpe_mm", "mpjpe_local_mm", "pa_mpjpe_mm", "mpjpe_12_mm", "root_drift_1s_mm", "root_drift_5s_mm"):
        assert figures[key] < 0.02, key
    for key in ("mare_rad", "mare_global_rad", "mare_root_rad", "mare_root_delta_rad"):
        assert figures[key] < 2e-3, key
    assert figures["acceleration_error_mm_per_frame2"] < 0.01
    assert figures["jitter_ratio"] == pytest.approx(1, abs=1e-3)
    assert figures["mpjpe_estimated_bones_mm"] > 1


def test_every_key_is_there_and_in_order(report: dict) -> None:
    part = report["test"]
    absent = {"mare_tpose_rad", "foot_slide_mm_per_frame", *STANDARD_BONES.values()}
    expected = [key for key in COLUMNS if key not in absent]
    present = [key for key in part if key in COLUMNS and key != "foot_slide_mm_per_frame"]
    assert present == expected  # no T-pose here, feet that may never stand, and true bones
    groups = ["seen", "unseen", "by_subject", "by_action", "by_camera", "by_pose", "by_joint", "baseline"]
    assert [key for key in part if key in groups] == groups
    assert list(part["by_joint"]) == list(skeleton.JOINTS)
    assert list(part["baseline"]) == ["blurred", RAW]
    assert list(part["by_camera"]) == ["1", "2"]


def test_the_same_scores_give_the_same_text(scores: Scores, report: dict) -> None:
    assert json.dumps(evaluate(scores, {"S2", "S1"}, PARAMS)) == json.dumps(report)


def test_floats_have_six_significant_digits(report: dict) -> None:
    def leaves(value: object) -> list[float]:
        if isinstance(value, dict):
            return [leaf for item in value.values() for leaf in leaves(item)]
        if isinstance(value, list):
            return [leaf for item in value for leaf in leaves(item)]
        return [value] if isinstance(value, float) else []

    assert len(leaves(report)) > 100
    assert all(float(f"{leaf:.6g}") == leaf and math.isfinite(leaf) for leaf in leaves(report))


def test_only_detected_frames_of_the_right_person_count(clipset: ClipSet, report: dict) -> None:
    frames = 2 * sum(TAKES.values())
    detected = frames - 6 * (GAP.stop - GAP.start)
    assert report["test"]["frames"] == detected - REJECTED[2]
    assert report["test"]["detected_share"] == pytest.approx(detected / frames, rel=1e-5)
    assert report["test"]["tpose_share"] == 0
    assert report["test"]["rejected_share"] == pytest.approx(REJECTED[2] / frames, rel=1e-5)


def test_a_baseline_is_scored_on_the_same_frames(scores: Scores) -> None:
    model, blurred, raw = (scores.sums[name] for name in ("model", "blurred", RAW))
    for key in COLUMNS:
        if key != "jitter_ratio":
            np.testing.assert_array_equal(model[key].weight, blurred[key].weight)
    for key in ("mpjpe_12_mm", "pa_mpjpe_12_mm"):
        np.testing.assert_array_equal(model[key].weight, raw[key].weight)
    weight = model["mpjpe_mm"].weight[:, 0]
    np.testing.assert_array_equal(weight, scores.blocks.scored)


def test_groups_weighted_by_their_frames_make_up_the_whole(report: dict) -> None:
    part = report["test"]
    for group in ("by_subject", "by_action", "by_camera"):
        parts = part[group].values()
        assert sum(p["frames"] for p in parts) == part["frames"]
        mean = sum(p["frames"] * p["mpjpe_mm"] for p in parts) / part["frames"]
        assert mean == pytest.approx(part["mpjpe_mm"], rel=1e-5)
    joints = [figures["mpjpe_mm"] for figures in part["by_joint"].values()]
    assert sum(joints) / 21 == pytest.approx(part["mpjpe_mm"], rel=1e-5)
    assert part["seen"]["frames"] + part["unseen"]["frames"] == part["frames"]
    assert part["unseen"]["mare_rad"] == part["by_subject"]["S4"]["mare_rad"]


def test_upright_and_bent_make_up_the_whole_and_other_classes_a_part_of_it(report: dict) -> None:
    part = report["test"]
    poses = part["by_pose"]
    assert list(poses) == list(POSE_CLASSES)
    assert poses["upright"]["frames"] + poses["bent"]["frames"] == part["frames"]
    assert all(pose["share"] == pytest.approx(pose["frames"] / part["frames"], rel=1e-5) for pose in poses.values())
    for system, by_pose in ((part, poses), *((base, base["by_pose"]) for base in part["baseline"].values())):
        for key in set(BY_POSE) & set(system) - {"mare_rad", "mare_global_rad"}:  # these leave out joints as well
            mean = sum(poses[name]["share"] * by_pose[name][key] for name in ("upright", "bent"))
            assert mean == pytest.approx(system[key], rel=1e-4), key
            low, high = poses["bent"]["interval"].get(key, (0, math.inf))
            assert low <= poses["bent"].get(key, low) <= high
    assert part["baseline"][RAW]["by_pose"]["back"].keys() == {"mpjpe_12_mm", "pa_mpjpe_12_mm"}


def test_frames_are_counted_in_the_class_of_their_own_pose(clipset: ClipSet, scores: Scores, report: dict) -> None:
    hidden = sum(
        int((arms_hidden(clipset.clip_landmarks(clip)) & clipset.scored_frames(clip)).sum())
        for clip in clipset.clips.index
    )
    assert report["test"]["by_pose"]["arms_hidden"]["frames"] == hidden > 0
    blocks = scores.blocks
    assert (blocks.upright != blocks.bent).all()
    assert blocks.groupby(["take", "camera", "block"]).frames.sum().max() == 600
    assert not blocks.duplicated(["take", "camera", "block", *POSE_CLASSES]).any()


def test_a_class_of_which_no_frame_is_has_no_figures_and_of_one_block_no_interval(clipset: ClipSet) -> None:
    standing = dataclasses.replace(clipset, root_position=clipset.root_position + np.float32(5))
    poses = evaluate(scores_of(standing, {"test": ["S1/walking2"]}), {"S1"}, PARAMS)["test"]["by_pose"]
    lower = dataclasses.replace(clipset, root_position=clipset.root_position - np.float32(5))
    below = evaluate(scores_of(lower, {"test": ["S1/walking2"]}), {"S1"}, PARAMS)["test"]["by_pose"]
    assert "upright" in poses
    assert "upright" not in below
    seconds = dataclasses.replace(clipset, clips=clipset.clips.assign(frames=300, detected=300))
    short = evaluate(scores_of(seconds, {"test": ["S1/walking2"]}), {"S1"}, PARAMS)["test"]["by_pose"]
    assert "interval" in below["bent"]
    assert not any("interval" in pose for pose in short.values()), "of one block of ten seconds"
    assert below["bent"]["share"] == 1


def test_the_mean_is_over_frames_not_over_clips(clipset: ClipSet, report: dict) -> None:
    alone = evaluate(scores_of(clipset, {take: [take] for take in TAKES}), {"S1"}, PARAMS)
    frames = [alone[take]["frames"] for take in TAKES]
    mean = sum(n * alone[take]["mare_rad"] for n, take in zip(frames, TAKES, strict=True)) / sum(frames)
    assert mean == pytest.approx(report["test"]["mare_rad"], rel=1e-5)
    assert len(set(frames)) > 1


def test_known_blur_gives_the_known_angle(report: dict) -> None:
    # The length of three normal numbers of standard deviation s is 2 s sqrt(2 / pi) on average.
    assert report["test"]["mare_rad"] == pytest.approx(0.2 * math.sqrt(2 / math.pi), rel=0.01)
    assert report["test"]["baseline"]["blurred"]["mare_rad"] == pytest.approx(0.4 * math.sqrt(2 / math.pi), rel=0.01)


def test_raw_landmarks_are_scored_as_they_are(clipset: ClipSet, report: dict) -> None:
    from blaze2cap.body.kinematics import forward_kinematics

    total = count = 0.0
    for clip in clipset.clips.index:
        truth, world = clipset.clip_truth(clip), clipset.clip_landmarks(clip)[..., WORLD]
        joints, _ = forward_kinematics(truth.rotation, truth.offset)
        hips = world[:, landmark.indices("left_hip", "right_hip")].mean(1)
        for frame in clipset.scored_frames(clip).nonzero().flatten().tolist()[::50]:
            for name in landmark.LIMB_LANDMARKS:
                joint = joints[frame, skeleton.JOINT_INDEX[skeleton.joint_of_landmark(name)]]
                total += 1000 * math.dist(world[frame, landmark.LANDMARK_INDEX[name]] - hips[frame], joint)
                count += 1
    assert report["test"]["baseline"][RAW]["mpjpe_12_mm"] == pytest.approx(total / count, rel=0.03)


def test_a_system_that_gives_no_numbers_is_named(clipset: ClipSet) -> None:
    def broken(landmarks: torch.Tensor, intrinsics: torch.Tensor, dt: float) -> Motion:
        motion = noisy_truth(clipset, 0.1)(landmarks, intrinsics, dt)
        return motion._replace(rotation=motion.rotation * torch.nan)

    with pytest.raises(UserError, match=r"S1/walking2/cam1: broken gives numbers that are not finite"):
        score(clipset, {"test": list(TAKES)}, {"broken": broken}, torch.from_numpy(clipset.offset).mean(0))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries give memory back by themselves")
def test_freed_memory_goes_back_to_the_system_from_below_what_is_kept() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

    pieces = [bytes(16_384) for _ in range(4_000)]
    kept = pieces[::100]
    pieces.clear()
    before = resident()
    return_freed_memory()
    assert before - resident() > 16_384 * 2_000
    assert len(kept) == 40


def test_intervals_hold_their_figure_and_say_what_was_drawn(report: dict, clipset: ClipSet) -> None:
    part = report["test"]
    for key in ("mpjpe_mm", "mare_rad", "jitter_ratio"):
        low, high = part["interval"][key]
        assert low <= part[key] <= high
        assert low < high
    assert part["interval"]["method"] == "bootstrap over 6 blocks of 10 s from 3 takes"
    one = evaluate(scores_of(clipset, {"val": ["S1/walking2"]}), {"S1"}, PARAMS)["val"]
    assert one["interval"]["method"] == "bootstrap over 2 blocks of 10 s from 1 take"


def test_a_single_block_has_no_interval(clipset: ClipSet) -> None:
    seconds = dataclasses.replace(clipset, clips=clipset.clips.assign(frames=300, detected=300))
    part = evaluate(scores_of(seconds, {"val": ["S1/walking2"]}), {"S1"}, PARAMS)["val"]
    for interval in (part["interval"], part["seen"]["interval"], part["baseline"]["blurred"]["interval"]):
        assert interval == {"method": "a single block of 10 s, which says nothing of others", "level": 0.95}


def test_tremor_is_not_measured_across_glitches_of_the_truth(clipset: ClipSet) -> None:
    """A truth that trembles in a glitch would make any system look smooth."""
    first = slice(0, 700)  # of the first take
    glitch = slice(300, 330)
    rotation = rotation_6d_to_matrix(torch.from_numpy(clipset.rotation)).clone()
    noise = torch.randn(30, 21, 3, generator=torch.Generator().manual_seed(0))
    rotation[glitch] = rotation[glitch] @ rotation_vector_to_matrix(0.3 * noise)
    outlier = clipset.outlier.copy()
    outlier[glitch, 0] = True
    trembling = dataclasses.replace(clipset, rotation=matrix_to_rotation_6d(rotation).numpy(), outlier=outlier)
    unmarked = dataclasses.replace(trembling, outlier=clipset.outlier)
    steady = lambda clips: scores_with(clips, rotation_6d_to_matrix(torch.from_numpy(clipset.rotation))[first])  # noqa: E731
    marked, blind = (evaluate(steady(clips), set(), PARAMS)["test"] for clips in (trembling, unmarked))
    assert marked["jitter_ratio"] == pytest.approx(1, abs=1e-3)
    assert marked["acceleration_error_mm_per_frame2"] < 1e-2
    assert blind["jitter_ratio"] < 0.5
    assert blind["acceleration_error_mm_per_frame2"] > 1
    assert marked["mpjpe_mm"] == blind["mpjpe_mm"] > 1


def test_five_takes_are_drawn_whole(scores: Scores) -> None:
    takes = scores.blocks["take"] + "-" + scores.blocks.block.astype(str)
    more = dataclasses.replace(scores, blocks=scores.blocks.assign(take=takes))
    assert evaluate(more, set(), PARAMS)["test"]["interval"]["method"] == "bootstrap over 6 takes"


def test_intervals_cover_the_true_mean() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        value = generator.normal(5.0, 1.0, (30, 1))
        low, high = bootstrap_interval(value, np.ones_like(value), samples=500, seed=trial)[0]
        covered += low <= 5.0 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_an_interval_without_weight_is_not_a_number() -> None:
    assert np.isnan(bootstrap_interval(np.zeros((4, 1)), np.zeros((4, 1)), samples=100, seed=0)).all()


def test_the_joint_table_keeps_its_contract_and_agrees_with_the_report(scores: Scores, report: dict) -> None:
    table = schema.check(joint_table(scores), "joints", "joints.csv")
    assert len(table) == 2 * len(skeleton.JOINTS)
    head = table[(table.system == "model") & (table.joint == "Head")].iloc[0]
    for key, value in report["test"]["by_joint"]["Head"].items():
        assert head[key] == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize(
    ("wrong", "key"),
    [({"parts": ("tests",)}, "parts[0]"), ({"parts": ()}, "parts"), ({"bootstrap_samples": 3}, "bootstrap_samples")],
)
def test_a_bad_value_is_named(wrong: dict, key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key.replace('[', '.').replace(']', '.')}"):
        dataclasses.replace(PARAMS, **wrong)


def test_frames_of_somebody_else_are_those_detected_that_are_not_scored(scores: Scores, report: dict) -> None:
    """Also where they are the most."""
    blocks = scores.blocks.assign(frames=4 * scores.blocks.frames, detected=3 * scores.blocks.detected)
    part = evaluate(dataclasses.replace(scores, blocks=blocks), {"S1"}, PARAMS)["test"]
    assert part["rejected_share"] == pytest.approx(
        part["detected_share"] - part["frames"] / blocks.frames.sum(), rel=1e-4
    )
    assert part["rejected_share"] > 0.4
