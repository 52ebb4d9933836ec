"""Contracts of every table (pandera): columns with their units, ranges, and how columns bind each other.

A rule over several columns starts with the name of the column that it is about. A name with signs like `(` or `+` is a
pattern: any number of columns may match it.
"""

import math
from functools import cache
from typing import TYPE_CHECKING, Any

from blaze2cap.body.skeleton import JOINTS

if TYPE_CHECKING:
    import pandas as pd
    from pandera.pandas import DataFrameSchema

PARTS = ("train", "val", "test", "none")
REPORTED = (*PARTS[:3], "test_simulated", "val_simulated", "all")
FLAGS = ("split_train", "split_val", "split_test")


@cache
def contracts() -> dict[str, "DataFrameSchema"]:
    """All contracts by the name of their table."""
    from pandera.pandas import Check, Column, DataFrameSchema

    def text(description: str, pattern: str = r".+", **options: Any) -> Column:
        return Column(str, Check.str_matches(rf"^(?:{pattern})\Z"), description=description, **options)

    def whole(description: str, least: int = 0) -> Column:
        return Column(int, Check.ge(least), description=description)

    def real(description: str, most: float = math.inf, nullable: bool = False, **options: Any) -> Column:
        # Infinity passes neither bound: the upper one is strict.
        return Column(float, [Check.ge(0), Check.lt(most)], description=description, nullable=nullable, **options)

    def signed(description: str, **options: Any) -> Column:
        return Column(float, [Check.gt(-math.inf), Check.lt(math.inf)], description=description, **options)

    def each(description: str) -> Column:
        # A negative log-likelihood may be below 0.
        return signed(description, regex=True, required=False)

    def stand_in(description: str) -> Column:
        return real(description, nullable=True, required=False)

    def flag(description: str) -> Column:
        return Column(bool, description=description)

    def table(columns: dict[str, Column], *rules: Check) -> DataFrameSchema:
        return DataFrameSchema(columns, checks=list(rules), strict=True, ordered=True)

    def rule(error: str, holds: Any) -> Check:
        return Check(holds, error=error, ignore_na=False)

    inside = r"(?!.*/\.)\w[\w/.]*\.npy"  # no way out of the folder, neither from the root nor through ..
    take = text("subject/action", r"S\d+/[a-z]+\d+")
    subject = text("person", r"S\d+")
    action = text("kind of motion and its number", r"[a-z]+\d+")
    camera = text("number of the camera in the calibration", r"\d+")
    view = r"_(S\d+_[a-z]+\d+_cam\d+)_[^/]*$"  # in the name of a sample's file
    contiguous = rule("first_row to follow the rows before it", lambda t: t.first_row == t.frames.cumsum() - t.frames)
    named = rule("take to be subject/action", lambda t: t["take"] == t.subject + "/" + t.action)
    system, axes = text("model or baseline"), ("across", "down", "depth")
    share = real("share of the whole", 1 + 1e-6)
    mpjpe = {
        "mpjpe_mm": real("mean position error, Hips at the origin [mm]"),
        "mpjpe_local_mm": real("the same with the root's orientation aligned to the truth [mm]"),
    }
    mare = {
        key: real(f"mean angle to {words} [rad]; none where none is believed", math.pi + 1e-6, True)
        for key, words in (
            ("mare_rad", "the true local rotation"),
            ("mare_global_rad", "the true orientation in the camera frame"),
        )
    }
    headline = {
        **mpjpe,
        "mare_rad": real("mean angle to the true local rotation [rad]", math.pi + 1e-6, True),
        "mare_root_rad": real("mean angle to the root's true orientation [rad]", math.pi + 1e-6, True),
        "acceleration_error_mm_per_frame2": real("mean error of second differences [mm/frame^2]"),
        "jitter_ratio": real("mean third difference over the truth's own [1]", nullable=True),
    }
    # Where the root's absolute pose and the person's bones are not known, a figure with standard bones stands in.
    placed = {key: real(str(column.description), nullable=True) for key, column in mpjpe.items()}
    local_standard_bones = {"mpjpe_local_standard_bones_mm": stand_in("mpjpe_local_mm with standard bones [mm]")}
    placed_or_not = rule(
        "mpjpe_mm given, or mpjpe_local_standard_bones_mm",
        lambda t: t.mpjpe_mm.notna() | t.get("mpjpe_local_standard_bones_mm", t.mpjpe_mm).notna(),
    )
    return {
        "takes": table(
            {
                "take": text("subject/action", r"S\d+/[a-z]+\d+", unique=True),
                "subject": subject,
                "action": action,
                "first_row": whole("first row in rotation.npy and root_position.npy"),
                "frames": whole("length [frames at 60 fps; of own recordings at their video's rate]", 1),
                "bone_residual_mm": real("worst deviation of a bone from its mean over the take [mm]"),
                "has_landmarks": flag("whether any camera's landmarks are there; otherwise motion only"),
                "root_known": flag("whether the root's absolute pose is known; otherwise from each segment's start on"),
                "bones_known": flag("whether the bones are the person's own; otherwise standard ones"),
            },
            named,
            contiguous,
        ),
        "clips": table(
            {
                "clip": text("subject/action/camera", r"S\d+/[a-z]+\d+/cam\d+", unique=True),
                "take": take,
                "subject": subject,
                "action": action,
                "camera": camera,
                "first_row": whole("first row in landmarks.npy"),
                "truth_row": whole("row in rotation.npy and root_position.npy that belongs to its first frame"),
                "frames": whole("length, cut to that of the truth [frames]", 1),
                "detected": whole("frames with a person detected"),
                "anchors": whole("frames in which tracking starts"),
                "segments": whole("unbroken stretches of tracking"),
                "rejected_frames": whole("frames in rejected segments"),
                "width": whole("width of the video [px]", 1),
                "height": whole("height of the video [px]", 1),
                "fps": Column(float, [Check.gt(0), Check.lt(math.inf)], description="rate of the video [frames/s]"),
            },
            named,
            contiguous,
            rule("clip to be take/camera", lambda t: t["clip"] == t["take"] + "/cam" + t.camera),
            rule("detected at most frames", lambda t: t.detected <= t.frames),
            rule("anchors as many as segments", lambda t: t.anchors == t.segments),
            rule("segments at most detected frames", lambda t: t.segments <= t.detected),
            rule("rejected_frames at most detected", lambda t: t.rejected_frames <= t.detected),
        ),
        "samples": table(
            {
                "source": text("published path of the sample's landmarks", inside, unique=True),
                "clip": text("clip that it is cut from", r"S\d+/[a-z]+\d+/cam\d+"),
                "segment": whole("number of the segment in its clip"),
                "stride": whole("every how many-th frame is kept", 1),
                "offset": whole("frames left out at the segment's start"),
                "first_frame": whole("first frame in the clip, offset included"),
                "frames": whole("frames that are left", 1),
                "rejected": flag("whether the sample is rejected; `reason` says why"),
                "reason": text("why it is rejected; empty otherwise", r".*"),
            },
            rule("offset below stride", lambda t: t.offset < t.stride),
            rule("first_frame not before offset", lambda t: t.first_frame >= t.offset),
            rule("reason given exactly for rejected samples", lambda t: (t.reason != "") == t.rejected),
        ),
        "split_map": table(
            {
                "source": text("path of the landmarks, relative to the data set", inside, unique=True),
                "target": text("path of the motion, relative to the data set", inside, unique=True),
                "subject": subject,
                "action": action,
                "camera": camera,
                "split_train": flag("in the training part"),
                "split_val": flag("in the validation part"),
                "split_test": flag("in the test part"),
            },
            rule(
                "source named after its subject, action and camera",
                lambda t: t.source.str.extract(view, expand=False) == t.subject + "_" + t.action + "_cam" + t.camera,
            ),
            rule(
                "split_train or split_val or split_test, never two within a take",
                lambda t: t.groupby(["subject", "action"])[list(FLAGS)].transform("any").sum(axis=1) <= 1,
            ),
        ),
        "parts": table(
            {
                "take": text("subject/action", r"S\d+/[a-z]+\d+", unique=True),
                "part": Column(str, Check.isin(PARTS), description="the one part that the whole take belongs to"),
            }
        ),
        "joints": table(
            {
                "part": Column(str, Check.isin(REPORTED), description="part of the split, or all takes"),
                "system": text("model or baseline"),
                "joint": Column(str, Check.isin(JOINTS), description="joint of the skeleton"),
                **placed,
                "mare_rad": real(
                    "mean angle to the true local rotation [rad]; none for Hips and where none is believed",
                    math.pi + 1e-6,
                    True,
                ),
                "mare_global_rad": real(
                    "mean angle to the true orientation in the camera frame [rad]; none where none is believed",
                    math.pi + 1e-6,
                    True,
                ),
                **local_standard_bones,
            },
            placed_or_not,
            rule("mare_rad given for body joints only", lambda t: t.mare_rad.isna() | (t.joint != JOINTS[0])),
            rule("joint once a part and system", lambda t: ~t.duplicated(["part", "system", "joint"], keep=False)),
        ),
        "systems": table(
            {
                "part": Column(str, Check.isin(REPORTED), description="part of the split, or all takes"),
                "system": text("model or baseline"),
                **headline,
                **placed,
                "acceleration_error_mm_per_frame2": real(
                    "mean error of second differences [mm/frame^2]", nullable=True
                ),
                **local_standard_bones,
                "mare_root_delta_rad": stand_in(
                    "mean angle of the root, integrated from its turns, to the truth [rad]"
                ),
                "acceleration_error_standard_bones_mm_per_frame2": stand_in(
                    "mean error of second differences, from the start that fits best [mm/frame^2]"
                ),
                "jitter_standard_bones_ratio": stand_in("mean third difference over the truth's own [1]"),
            },
            placed_or_not,
            rule("system once a part", lambda t: ~t.duplicated(["part", "system"], keep=False)),
        ),
        "error_groups": table(
            {
                "system": system,
                "grouping": text("what frames are grouped by; pose classes may overlap"),
                "group": text("name of the group"),
                "frames": whole("scored frames in it", 1),
                "frame_share": share,
                "error_share": share,
                **mpjpe,
                **mare,
                "mare_root_rad": headline["mare_root_rad"],
            },
            rule("group once a grouping", lambda t: ~t.duplicated(["system", "grouping", "group"], keep=False)),
        ),
        "error_joints": table(
            {
                "system": system,
                "joint": Column(str, Check.isin(("all", *JOINTS)), description="joint of the skeleton, or their mean"),
                **mpjpe,
                **mare,
                **{f"bias_{axis}_mm": signed("mean error along this axis of the ray frame [mm]") for axis in axes},
                **{f"rms_{axis}_mm": real("root mean square of the same [mm]") for axis in axes},
            },
            rule("joint once a system", lambda t: ~t.duplicated(["system", "joint"], keep=False)),
        ),
        "error_spectrum": table(
            {"system": system, "period": text("periods of the band"), "share": share},
            rule("share to add up to 1", lambda t: (t.groupby("system")["share"].transform("sum") - 1).abs() < 1e-4),
        ),
        "ceilings": table(
            {
                "system": system,
                "pose": text("pose class, or all frames"),
                "ceiling": text("what is known"),
                "frames": whole("scored frames", 1),
                "mpjpe_mm": real("what is left of the mean position error [mm]"),
                "gain_mm": signed("how much less that is than without the knowledge [mm]"),
            },
            rule("ceiling once a pose", lambda t: ~t.duplicated(["system", "pose", "ceiling"], keep=False)),
        ),
        "worst_moments": table(
            {
                "clip": text("subject/action/camera", r"S\d+/[a-z]+\d+/cam\d+"),
                "frame": whole("frame in the clip"),
                "second": real("the same in time [s]"),
                **mpjpe,
                "root_deg": real("angle of the root's orientation to the truth [deg]", 180.01),
                "pose": text("pose classes, joined by +"),
                "side": text("side of the person that the camera sees"),
                "distance_m": real("distance of the person [m]"),
                "visibility": real("mean visibility of the landmarks", 1 + 1e-6),
                "since_anchor_s": real("time since tracking started [s]"),
                "depth_share": real("share of the squared error along the viewing ray", 1 + 1e-6),
                "detector_mm": real("mean position error of the raw landmarks, 12 limb joints [mm]"),
                "image_mm": real("median distance of image landmarks to the joints, at the place of the person [mm]"),
                "cause": text("what these facts say"),
            },
            rule("frame once a clip", lambda t: ~t.duplicated(["clip", "frame"], keep=False)),
        ),
        "study": table(
            {"smooth": real("weight of loss.smooth"), "seed": whole("seed of training"), **headline},
            rule("seed once a weight", lambda t: ~t.duplicated(["smooth", "seed"], keep=False)),
        ),
        "curves": table(
            {
                "step": whole("steps of training done", 1),
                "learning_rate": Column(float, [Check.gt(0), Check.lt(math.inf)], description="of the last step"),
                "train_loss": signed("weighted sum of the losses, mean over the steps since the row before"),
                "train_(?!loss$)[a-z0-9_]+": each("the same of one loss, unweighted, in the unit of its formula"),
                "val_loss": signed("weighted sum of the losses on the validation takes", required=False),
                "val_(?!loss$)[a-z0-9_]+": each("the same of one loss, unweighted, in the unit of its formula"),
            },
            rule("step above that of the row before", lambda t: t.step.diff().fillna(1) > 0),
            rule("val_loss beside the same losses as train_loss", _same_losses),
        ),
    }


def _same_losses(curves: "pd.DataFrame") -> "pd.Series":
    names = {
        part: [c.removeprefix(part) for c in map(str, curves) if c.startswith(part)] for part in ("train_", "val_")
    }
    return (curves.step > 0) & (names["val_"] in ([], names["train_"]))
