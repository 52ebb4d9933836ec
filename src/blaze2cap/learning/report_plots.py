"""Plots of an evaluation as PNG images: the same figures give the same bytes."""

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from blaze2cap.body import landmark, skeleton
from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import WORLD
from blaze2cap.data.clipset import ClipSet, Known
from blaze2cap.learning.absolute_root import turned_in_runs
from blaze2cap.learning.checkpoint import System
from blaze2cap.learning.evaluation import MODEL, figure
from blaze2cap.learning.measure import COLUMNS, STAND_INS
from blaze2cap.learning.metric import mpjpe_mm, restarts
from blaze2cap.learning.plot_file import new_plot, save_plot
from blaze2cap.learning.reliability import joint_confidence, reliability
from blaze2cap.learning.scoring import RAW, SINCE_ANCHOR, SINCE_ANCHOR_S, Scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLES = {MODEL: "model", RAW: "raw landmarks", "one_euro_ik": "One-Euro + IK", "constant_pose": "constant pose"}
# Okabe and Ito's palette, which colour-blind people can tell apart.
COLOURS = {MODEL: "#0072B2", RAW: "#E69F00", "one_euro_ik": "#009E73", "constant_pose": "#999999"}
TRUTH_COLOUR = "#222222"
MOMENTS = 8
Sticks = tuple[np.ndarray, np.ndarray]
_SPACING_M = 1.5
_LABELS = {"mpjpe_mm": "MPJPE [mm]", STAND_INS["mpjpe_mm"]: "MPJPE, root aligned, standard bones [mm]"}


class Strip(NamedTuple):
    """Moments of one clip: positions [m] in the camera's directions, around the hips, and the errors [mm] beside.

    `raw_error` is not-a-number where landmarks cannot be compared with the truth.
    """

    title: str
    seconds: list[float]
    true: Float[np.ndarray, "moments 21 3"]
    raw: Float[np.ndarray, "moments 25 3"]
    model: Float[np.ndarray, "moments 21 3"]
    raw_error: Float[np.ndarray, "moments"]
    model_error: Float[np.ndarray, "moments"]


def write_plots(folder: Path, clipset: ClipSet, scores: Scores, model: System) -> None:
    """Write joints, smoothness, since_anchor, reliability and figures.png for the part that counts most: the first one
    scored."""
    part = scores.blocks["part"].iloc[0]
    plots = {
        "joints": plot_joints(scores, part),
        "smoothness": plot_smoothness(scores, part),
        "since_anchor": plot_since_anchor(scores, part),
        "reliability": plot_reliability(scores, part),
        "figures": plot_strip(strip_of(clipset, typical_clip(scores, part), model)),
    }
    for name, plot in plots.items():
        save_plot(plot, folder / f"{name}.png")


def plot_joints(scores: Scores, part: str) -> "Figure":
    """Bars of position and rotation errors per joint and system."""
    rows = (scores.blocks["part"] == part).to_numpy()
    systems = [name for name in scores.sums if name != RAW]
    plot = new_plot(11, 7)
    plot.suptitle(f"Error by joint, {part} part")
    key = _shown(scores, rows, "mpjpe_mm")
    position = "Hips at the origin" if key == "mpjpe_mm" else "root aligned, standard bones"
    panels = ((key, f"position, {position} [mm]"), ("mare_rad", "local rotation [rad]"))
    for place, (key, label) in enumerate(panels, start=1):
        axes = plot.add_subplot(1, 2, place, xlabel=label)
        joints = np.arange(len(COLUMNS[key]))
        height = 0.8 / len(systems)
        for number, name in enumerate(systems):
            errors = [figure(scores.sums[name][key], rows, column) for column in range(len(joints))]
            axes.barh(joints + number * height, errors, height, label=_title(name), color=COLOURS.get(name))
        axes.set_yticks(joints + 0.4 - height / 2, COLUMNS[key])
        axes.invert_yaxis()
        axes.grid(axis="x", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right")
    return plot


def plot_smoothness(scores: Scores, part: str) -> "Figure":
    """Accuracy against smoothness, a point per system: low is accurate, 1 is as smooth as people are."""
    rows = (scores.blocks["part"] == part).to_numpy()
    plot = new_plot(7, 4.5)
    jitter, position = (_shown(scores, rows, key) for key in ("jitter_ratio", "mpjpe_mm"))
    axes = plot.add_subplot(
        title=f"Accuracy and smoothness, {part} part", xlabel="jitter over the truth's own", ylabel=_LABELS[position]
    )
    for name, sums in scores.sums.items():
        if name != RAW:
            point = figure(sums[jitter], rows), figure(sums[position], rows)
            axes.scatter(*point, s=60, color=COLOURS.get(name))
            axes.annotate(_title(name), point, xytext=(0, 8), textcoords="offset points", ha="center")
    axes.axvline(1.0, color=TRUTH_COLOUR, linestyle=":")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.margins(0.2)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return plot


def plot_since_anchor(scores: Scores, part: str) -> "Figure":
    """Position error against the time since tracking started, a line per system."""
    rows = (scores.blocks["part"] == part).to_numpy()
    plot = new_plot(8, 4.5)
    axes = plot.add_subplot(
        title=f"Error after tracking starts, {part} part",
        xlabel="time since the anchor [s]",
        ylabel=_LABELS[_shown(scores, rows, "mpjpe_mm")],
    )
    names = [f"{start:g}-{end:g}" for start, end in itertools.pairwise(SINCE_ANCHOR_S)]
    for name, sums in scores.sums.items():
        if SINCE_ANCHOR in sums:
            errors = [figure(sums[SINCE_ANCHOR], rows, column) for column in range(len(SINCE_ANCHOR_S))]
            axes.plot(errors, marker="o", label=_title(name), color=COLOURS.get(name))
    axes.set_ylim(bottom=0)
    axes.set_xticks(range(len(SINCE_ANCHOR_S)), [*names, f"{SINCE_ANCHOR_S[-1]:g}-"])
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend()
    return plot


def plot_reliability(scores: Scores, part: str) -> "Figure":
    """The error that the model predicted of itself and the one found, by bins of the former and by joint: where the
    found one is larger, the model is too sure. Empty where it predicts none."""
    rows = (scores.blocks["part"] == part).to_numpy()
    sums = scores.sums[MODEL]
    plot = new_plot(11, 5.5)
    plot.suptitle(f"How far off the model says its rotations are, and how far off they are, {part} part")
    by_bin = plot.add_subplot(1, 2, 1, xlabel="predicted RMS error [rad]", ylabel="RMS error found [rad]")
    by_bin.set(xscale="log", yscale="log", aspect="equal")
    ticks = [0.02, 0.05, 0.1, 0.2, 0.5, 1.0]
    for axis in (by_bin.xaxis, by_bin.yaxis):
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_ticks([], minor=True)
    by_bin.axline((0.1, 0.1), (1, 1), color=TRUTH_COLOUR, linestyle=":", label="calibrated")
    if curve := reliability(sums, rows):
        predicted, found, share = map(np.array, curve.values())
        by_bin.plot(predicted, found, color=COLOURS[MODEL], linewidth=1)
        by_bin.scatter(
            predicted, found, s=15 + 1000 * share, color=COLOURS[MODEL], alpha=0.6, label="area: share of all rotations"
        )
    by_joint = plot.add_subplot(1, 2, 2, xlabel="RMS error [rad]")
    by_joint.set_yticks(range(len(skeleton.JOINTS)), skeleton.JOINTS)
    said = [joint_confidence(sums, rows, joint).values() for joint in skeleton.JOINTS]
    points = np.array([(place, *point) for place, point in enumerate(said) if point]).reshape(-1, 3)
    by_joint.hlines(points[:, 0], points[:, 1], points[:, 2], color=COLOURS[MODEL], linewidth=1)
    by_joint.scatter(points[:, 1], points[:, 0], s=40, facecolor="white", edgecolor=COLOURS[MODEL], label="predicted")
    by_joint.scatter(points[:, 2], points[:, 0], s=40, color=COLOURS[MODEL], label="found")
    by_joint.set_xlim(left=0)
    by_joint.invert_yaxis()
    for axes in (by_bin, by_joint):
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="upper left" if axes is by_bin else "upper right")
    return plot


def typical_clip(scores: Scores, part: str) -> str:
    """The clip of a part whose model MPJPE is the median of all its clips."""
    blocks = scores.blocks[scores.blocks["part"] == part]
    clips = blocks["take"] + "/cam" + blocks.camera
    sums = scores.sums[MODEL][_shown(scores, (scores.blocks["part"] == part).to_numpy(), "mpjpe_mm")]
    errors = {clip: figure(sums, rows.to_numpy()) for clip, rows in clips.groupby(clips).groups.items()}
    ranked = sorted((error, str(clip)) for clip, error in errors.items() if not np.isnan(error))
    return ranked[len(ranked) // 2][1]


def strip_of(clipset: ClipSet, clip: str, system: System) -> Strip:
    """Evenly spaced moments of a clip's scored frames, as truth, landmarks and the model have them.

    A truth without an absolute root is turned to where the model's course fits it best, and landmarks have no error.
    """
    landmarks, truth = clipset.clip_landmarks(clip), clipset.clip_truth(clip)
    fps = float(clipset.clips.fps[clip])
    scored = clipset.scored_frames(clip).nonzero().flatten()
    frames = scored[torch.linspace(0, len(scored) - 1, 2 * MOMENTS + 1)[1::2].long()]
    motion = system(landmarks, clipset.camera_of(clip).intrinsics, 60 / fps)
    true_rotation, placed = truth.rotation, Known.ROOT in clipset.known(str(clipset.clips["take"][clip]))
    if not placed:
        start = restarts(clipset.scored_frames(clip), clipset.clip_anchors(clip))
        root = turned_in_runs(true_rotation[:, 0], motion.rotation[:, 0], clipset.scored_frames(clip), start)
        true_rotation = torch.cat((root[:, None], true_rotation[:, 1:]), dim=1)
    true, _ = forward_kinematics(true_rotation[frames], truth.offset)
    model, _ = forward_kinematics(motion.rotation[frames], truth.offset)
    world = landmarks[frames][..., WORLD]
    raw = world - world[:, landmark.indices("left_hip", "right_hip")].mean(1, keepdim=True)
    limbs = skeleton.indices(*map(skeleton.joint_of_landmark, landmark.LIMB_LANDMARKS))
    raw_error = mpjpe_mm(raw[:, landmark.indices(*landmark.LIMB_LANDMARKS)], true[:, limbs]).mean(1)
    model_error = mpjpe_mm(model[:, limbs], true[:, limbs]).mean(1)
    if not placed:  # The truth faces as the model says: that tells nothing of the landmarks.
        raw_error = torch.full_like(raw_error, torch.nan)
    arrays = (part.numpy() for part in (true, raw, model, raw_error, model_error))
    return Strip(clip, (frames / fps).tolist(), *arrays)


def plot_strip(strip: Strip) -> "Figure":
    """Stick figures of truth, raw landmarks and model, from the camera and from the side; the truth shines through."""
    plot = new_plot(11.5, 11)
    turned = "; the truth faces as the model, with standard bones" if np.isnan(strip.raw_error).any() else ""
    plot.suptitle(
        f"{strip.title}: seen from the camera, and from the right with the camera to the left\n"
        f"(right limbs paler; the truth in grey behind; errors over the 12 limb joints{turned})"
    )
    views = (("camera", (0, 1)), ("side", (2, 1)))
    systems = (
        ("truth", strip.true, _JOINT_STICKS, TRUTH_COLOUR, None),
        (TITLES[RAW], strip.raw, _LANDMARK_STICKS, COLOURS[RAW], strip.raw_error),
        (TITLES[MODEL], strip.model, _JOINT_STICKS, COLOURS[MODEL], strip.model_error),
    )
    panels = plot.subplots(len(views) * len(systems), 1, sharex=True)
    for row, axes in enumerate(panels):
        view, plane = views[row // len(systems)]
        title, positions, sticks, colour, errors = systems[row % len(systems)]
        if errors is not None:
            _draw(axes, strip.true, _JOINT_STICKS, plane, "#CCCCCC")
        _draw(axes, positions, sticks, plane, colour)
        for moment, second in enumerate(strip.seconds):
            label = f"{second:.1f} s" if errors is None else f"{errors[moment]:.0f} mm".replace("nan mm", "")
            axes.annotate(label, (moment * _SPACING_M, 1.08), ha="center", fontsize=9, color=colour)
        axes.set_ylabel(f"{title}\n({view})", rotation=0, ha="right", va="center")
        axes.set(aspect="equal", ylim=(1.2, -1.0), xlim=(-0.9, (len(strip.seconds) - 1) * _SPACING_M + 0.9))
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    return plot


def _sticks(lines: list[tuple[str, str]], index: dict[str, int]) -> Sticks:
    """Ends of the sticks of the left side and the middle, and of those of the right side."""
    right = [start.lower().startswith("right") for start, _ in lines]
    ends = np.array([(index[start], index[end]) for start, end in lines])
    return ends[~np.array(right)], ends[np.array(right)]


_JOINT_STICKS = _sticks(
    [(joint, skeleton.JOINTS[skeleton.PARENTS[child]]) for child, joint in enumerate(skeleton.JOINTS) if child],
    skeleton.JOINT_INDEX,
)
_LANDMARK_STICKS = _sticks(
    [
        *landmark.PARENT_OF.items(),
        ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"),
        ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"),
        ("left_ear", "nose"), ("right_ear", "nose"),
    ],
    landmark.LANDMARK_INDEX,
)  # fmt: skip


def _draw(axes: "Axes", positions: np.ndarray, sticks: Sticks, plane: tuple[int, int], colour: str) -> None:
    from matplotlib.collections import LineCollection

    flat = positions[..., list(plane)] + _SPACING_M * np.arange(len(positions))[:, None, None] * np.array([1.0, 0.0])
    for ends, strength in zip(sticks, (1.0, 0.5), strict=True):
        lines = flat[:, ends].reshape(-1, 2, 2)
        axes.add_collection(
            LineCollection(list(lines), colors=colour, alpha=strength, linewidths=1.8, capstyle="round", clip_on=False)
        )


def _shown(scores: Scores, rows: np.ndarray, key: str) -> str:
    """The figure, or what stands in for it where no clip speaks for it."""
    return key if scores.sums[MODEL][key].weight[rows].any() else STAND_INS[key]


def _title(system: str) -> str:
    return TITLES.get(system, system)
