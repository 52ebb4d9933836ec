"""Laws of an error study: frames add up to the whole whatever they are grouped by, and moments are distinct."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_study import TAKES, erring, small_clipset, small_study, small_tables
from tiny import bones

from blaze2cap.body import landmark
from blaze2cap.body.camera import Camera
from blaze2cap.body.motion import Motion
from blaze2cap.body.rotation import rotation_vector_to_matrix
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.body.viewpoint import SIDES, camera_azimuth, side_shown
from blaze2cap.errors import UserError
from blaze2cap.learning.diagnosis.error_analysis import DISTANCE_M, MEAN_VISIBILITY, SPEED_M_PER_S, study_errors
from blaze2cap.learning.diagnosis.error_report import moment_table
from blaze2cap.learning.diagnosis.error_tables import ALL, PARTITIONS, POSE, grouped_errors, joint_errors
from blaze2cap.learning.diagnosis.worst_moment import (
    APART_S,
    Moment,
    cause,
    worst_frames,
    worst_moments,
)
from blaze2cap.learning.evaluation import figure
from blaze2cap.learning.scoring import SINCE_ANCHOR_S, Sums, score

UPRIGHT = rotation_vector_to_matrix(torch.tensor([math.pi / 2, 0.0, 0.0]))  # hips' up, -z, to the world's +y


def turned(degrees: float) -> torch.Tensor:
    """Hips in the world, y up, turned to the left about the vertical; at 0 the person faces -z."""
    return rotation_vector_to_matrix(torch.tensor([0.0, math.radians(degrees), 0.0])) @ UPRIGHT


def camera_at(x: float, z: float) -> Camera:
    """A camera at that place of the world that looks level at the origin."""
    ahead = -torch.tensor([x, 0.0, z]) / math.hypot(x, z)
    down = torch.tensor([0.0, -1.0, 0.0])
    rotation = torch.stack((torch.linalg.cross(down, ahead), down, ahead))
    size = {"fx": 1000.0, "fy": 1000.0, "cx": 960.0, "cy": 540.0, "width": 1920, "height": 1080}
    return Camera(**size, rotation=rotation, translation=-rotation @ torch.tensor([x, 0.0, z]))


@pytest.mark.parametrize(("number", "degrees"), list(enumerate(range(0, 360, 45))))
@pytest.mark.parametrize("lean", [-80.0, 0.0, 80.0])
def test_a_person_who_turns_to_the_right_shows_the_left_side_first(number: int, degrees: int, lean: float) -> None:
    camera = camera_at(0.0, -4.0)
    leaning = rotation_vector_to_matrix(torch.tensor([math.radians(lean), 0.0, 0.0]))
    hips = camera.rotation @ turned(-degrees) @ leaning
    azimuth = camera_azimuth(hips, camera.to_camera(torch.zeros(3)), camera.rotation[:, 1])
    assert math.degrees(float(azimuth)) % 360 == pytest.approx(degrees, abs=0.01)
    assert SIDES[int(side_shown(azimuth))] == SIDES[number]


@given(st.floats(-math.pi, math.pi))
def test_every_azimuth_has_a_side_at_most_half_a_sector_away(azimuth: float) -> None:
    side = int(side_shown(torch.tensor(azimuth)))
    away = (math.degrees(azimuth) - 45 * side + 180) % 360 - 180
    assert abs(away) <= 22.5 + 1e-3


def test_a_table_of_moments_holds_a_row_for_each_with_what_it_says_of_its_cause() -> None:
    moment = Moment(
        clip="S1/rom1/cam1", frame=7, second=0.1, mpjpe_mm=120.0, mpjpe_local_mm=80.0, root_deg=9.0,
        pose=("bent", "moving"), side="left", distance_m=4.0, visibility=0.8, hidden=(), hidden_visibility=math.nan,
        since_anchor_s=3.0, depth_share=0.5, detector_mm=100.0, image_mm=20.0, exchanged=(), outside=0,
        joint_mm=dict.fromkeys(JOINTS, 120.0), detector_joint_mm={}, ceiling_mm={"lag": 120.0},
    )  # fmt: skip
    moments = [moment, moment._replace(frame=9, pose=("upright",), outside=5)]
    table = moment_table(moments)
    assert table.frame.tolist() == [7, 9]
    assert table.pose.tolist() == ["bent+moving", "upright"]
    assert table["cause"].tolist() == [cause(each) for each in moments]
    assert table["cause"].nunique() == 2


def test_the_study_has_the_frames_and_figures_of_an_evaluation() -> None:
    systems = {"model": erring(0.2)}
    scores = score(small_clipset(), {"val": TAKES}, systems, bones())
    rows = np.ones(len(scores.blocks), dtype=bool)
    study = small_study()
    assert len(study.frames) == scores.blocks.scored.sum()
    whole = grouped_errors(study).query("system == 'model' and grouping == 'all'").iloc[0]
    for key in ("mpjpe_mm", "mpjpe_local_mm", "mare_rad", "mare_global_rad", "mare_root_rad"):
        assert whole[key] == pytest.approx(figure(scores.sums["model"][key], rows), rel=1e-5)


@pytest.mark.parametrize("grouping", PARTITIONS)
def test_groups_add_up_to_the_whole(grouping: str) -> None:
    table = grouped_errors(small_study())
    for _, rows in table.groupby("system"):
        whole = rows[rows["grouping"] == ALL].iloc[0]
        part = rows[rows["grouping"] == grouping]
        assert part["frames"].sum() == whole["frames"]
        assert part["error_share"].sum() == pytest.approx(1)
        for key in ("mpjpe_mm", "mpjpe_local_mm", "mare_root_rad"):
            mean = (part[key] * part["frames"]).sum() / part["frames"].sum()
            assert mean == pytest.approx(whole[key], rel=1e-5)


def test_upright_and_bent_share_all_frames_between_them() -> None:
    frames = small_study().frames
    assert (frames["upright"] ^ frames["bent"]).all()
    table = grouped_errors(small_study()).query(f"system == 'model' and grouping == '{POSE}'").set_index("group")
    assert table["frames"].reindex(["upright", "bent"]).sum() == len(frames)


def test_joints_average_to_the_whole_and_axes_to_the_squared_error() -> None:
    study = small_study()
    table = joint_errors(study).query("system == 'model'").set_index("joint")
    for key in ("mpjpe_mm", "mpjpe_local_mm"):
        assert table.loc[list(JOINTS), key].mean() == pytest.approx(table.at[ALL, key], rel=1e-5)
    squares = np.square(study.figures["model"]["mpjpe_mm"].value).mean(0)
    along = sum(table[f"rms_{axis}_mm"] ** 2 for axis in ("across", "down", "depth"))
    np.testing.assert_allclose(along.loc[list(JOINTS)], squares, rtol=1e-3, atol=1e-2)


def test_with_the_truth_every_figure_is_zero() -> None:
    study = study_errors(small_clipset(), TAKES, {"model": erring(0.0)}, bones())
    whole = grouped_errors(study).iloc[0]
    assert whole[["mpjpe_mm", "mpjpe_local_mm", "mare_rad", "mare_root_rad"]].max() < 0.01
    assert all(left.max() < 0.01 for key, left in study.ceilings["model"].items() if key != "estimated_bones")
    assert set(study.lag["model"].values()) == {0}


def test_time_is_counted_in_seconds_and_systems_are_told_the_rate() -> None:
    clipset = small_clipset()
    slow = dataclasses.replace(clipset, clips=clipset.clips.assign(fps=40.0))
    told: set[float] = set()

    def system(landmarks: torch.Tensor, intrinsics: torch.Tensor, dt: float) -> Motion:
        told.add(dt)
        return erring(0.1)(landmarks, intrinsics, dt)

    fast, slowed = (study_errors(clips, TAKES, {"model": system}, bones()).frames for clips in (clipset, slow))
    assert told == {1.0, 1.5}
    for column in ("since_anchor_s", "take_s"):
        np.testing.assert_allclose(slowed[column], fast[column] * 60 / 40, rtol=1e-5)
    assert fast.since_anchor_s.min() == 0
    assert fast.groupby("clip").since_anchor_s.diff().median() == pytest.approx(1 / 60, rel=1e-3)


def test_ceilings_are_means_over_the_same_frames() -> None:
    table, groups = small_tables()["ceilings"], small_tables()["error_groups"]
    own = groups.query("grouping == 'all'").set_index("system")["mpjpe_mm"]
    for row in table.query("pose == 'all'").to_dict("records"):
        assert row["mpjpe_mm"] + row["gain_mm"] == pytest.approx(own[row["system"]], rel=1e-6)
    root = table.query("pose == 'all' and ceiling == 'root'").set_index("system")["mpjpe_mm"]
    local = groups.query("grouping == 'all'").set_index("system")["mpjpe_local_mm"]
    pd.testing.assert_series_equal(root, local, check_names=False, rtol=1e-4)


def test_a_take_without_landmarks_has_nothing_to_read() -> None:
    with pytest.raises(UserError, match="no take with a frame to score"):
        study_errors(small_clipset(), ["S3/rom1"], {"model": erring(0.1)}, bones())


def test_worst_moments_are_apart_and_the_same_moment_stands_twice_at_most() -> None:
    rng = np.random.default_rng(0)
    frames = pd.DataFrame(
        [
            {"take": take, "clip": f"{take}/cam{camera}", "take_s": frame / 60}
            for take in TAKES for camera in range(5) for frame in range(900)
        ]
    )  # fmt: skip
    error = rng.uniform(0, 100, (len(frames), 21))
    sums = {"model": {"mpjpe_mm": Sums(error, np.ones_like(error))}}
    study = dataclasses.replace(small_study(), frames=frames, figures=sums)
    chosen = worst_frames(study, "model", 40)
    assert chosen[0] == error.mean(1).argmax()
    picked = frames.iloc[chosen]
    assert (np.diff(error.mean(1)[chosen]) <= 0).all()
    for _, of_clip in picked.groupby("clip"):
        assert (np.diff(np.sort(of_clip["take_s"])) >= APART_S).all()
    for place, moment in enumerate(picked.itertuples()):
        before = picked.iloc[:place]
        near = before[(before["take"] == moment.take) & ((before["take_s"] - moment.take_s).abs() < APART_S)]
        assert len(near) < 2


def test_moments_say_what_they_are_of() -> None:
    moments = worst_moments(small_study(), small_clipset(), "model", count=3)
    errors = [moment.mpjpe_mm for moment in moments]
    assert errors == sorted(errors, reverse=True)
    for moment in moments:
        assert moment.mpjpe_mm == pytest.approx(np.mean(list(moment.joint_mm.values())), rel=1e-5)
        # The tiny detector makes no error but that of the hips' place in the pelvis.
        assert moment.image_mm < 40
        assert not moment.hidden
        assert not moment.exchanged
        sentence = cause(moment)
        assert " mm off" in sentence
        assert f"seen from the {moment.side}" in sentence


def test_a_cause_names_what_is_hidden_exchanged_outside_and_late() -> None:
    moment = worst_moments(small_study(), small_clipset(), "model", count=1)[0]
    odd = moment._replace(
        hidden=("left_elbow", "left_wrist"), hidden_visibility=0.12, outside=3, since_anchor_s=0.1, root_deg=90.0,
        image_mm=200.0, exchanged=("arms",), depth_share=0.8, ceiling_mm={**moment.ceiling_mm, "lag": 0.0},
    )  # fmt: skip
    sentence = cause(odd)
    for words in (
        "exchanges left and right arms", "200 mm off in the image", "3 of 12 limb landmarks outside", "comes late",
        "hidden: left elbow, left wrist (mean visibility 0.12)", "tracking began 0.10 s ago", "turned by 90 deg",
        "80 % of the squared error lies in depth",
    ):  # fmt: skip
        assert words in sentence


def test_a_cause_names_the_two_parts_of_the_body_that_are_furthest_off() -> None:
    moment = worst_moments(small_study(), small_clipset(), "model", count=1)[0]
    far = {"RightUpLeg": 200.0, "RightLeg": 200.0, "RightFoot": 200.0, "Neck": 300.0, "Head": 300.0}
    sentence = cause(moment._replace(joint_mm=dict.fromkeys(JOINTS, 10.0) | far))
    assert sentence.startswith("head 300 mm off")
    assert " and right leg 200 mm off" in sentence


def test_bins_begin_at_zero_and_rise() -> None:
    for bins in (DISTANCE_M, MEAN_VISIBILITY, SPEED_M_PER_S, SINCE_ANCHOR_S):
        assert bins[0] == 0
        assert list(bins) == sorted(set(bins))


def test_arms_that_the_detector_exchanges_are_found() -> None:
    clips = small_clipset()
    moment = next(m for m in worst_moments(small_study(), clips, "model", count=8) if m.clip.endswith("cam1"))
    arms = [[f"{side}_{part}" for part in ("elbow", "wrist")] for side in ("left", "right")]
    left, right = (landmark.indices(*names) for names in arms)
    landmarks = clips.landmarks.copy()
    landmarks[:, left + right] = landmarks[:, right + left]
    (found,) = (
        m
        for m in worst_moments(small_study(), dataclasses.replace(clips, landmarks=landmarks), "model", count=8)
        if (m.clip, m.frame) == (moment.clip, moment.frame)
    )
    assert found.exchanged == ("arms",)
