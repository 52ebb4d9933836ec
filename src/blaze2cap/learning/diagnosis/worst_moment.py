"""The worst moments of a system, each with the facts that tell why: what was seen of the person, what went wrong."""

from typing import NamedTuple

import numpy as np

from blaze2cap.body import landmark, skeleton
from blaze2cap.body.camera import ray_rotation
from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import SCREEN, VISIBILITY, WORLD
from blaze2cap.body.pose_class import MIN_VISIBILITY, POSE_CLASSES
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.data.clipset import ClipSet
from blaze2cap.learning.diagnosis.ceiling import LIMBS
from blaze2cap.learning.diagnosis.error_analysis import ErrorStudy
from blaze2cap.learning.metric import mpjpe_mm

APART_S = 3.0
"""Moments of a clip lie at least so far apart; a take's moments closer than this, of any cameras, are the same one."""
SAME_MOMENT = 2
"""So often the same moment may stand in the list, seen by different cameras."""

# What counts as far off in the image, at the person's distance [mm].
_FAR_MM = 100.0
_LANDMARKS = landmark.indices(*landmark.LIMB_LANDMARKS)
_MIRRORED = landmark.indices(*map(landmark.mirrored, landmark.LIMB_LANDMARKS))
_PAIRS = {
    limbs: [name.endswith(parts) for name in landmark.LIMB_LANDMARKS]
    for limbs, parts in (("arms", ("elbow", "wrist")), ("legs", ("knee", "ankle")))
}
"""Which of the limb landmarks tell the arms, or the legs, apart."""
_LIMB_JOINTS = skeleton.indices(*map(skeleton.joint_of_landmark, landmark.LIMB_LANDMARKS))
_HIPS = landmark.indices("left_hip", "right_hip")
_REGIONS = {
    f"{side} {limb}": tuple(skeleton.joint_of_landmark(f"{side}_{part}") for part in parts)
    for limb, parts in (("arm", ("shoulder", "elbow", "wrist")), ("leg", ("hip", "knee", "ankle")))
    for side in ("left", "right")
} | {"trunk": LIMBS["spine"], "head": LIMBS["head"]}
"""Joints by the part of the body that a sentence names."""


class Moment(NamedTuple):
    """One frame of one clip, and what is known of it."""

    clip: str
    frame: int
    second: float
    mpjpe_mm: float
    mpjpe_local_mm: float
    root_deg: float
    """Angle of the root's orientation to the truth."""
    pose: tuple[str, ...]
    side: str
    """The side of the person that the camera sees."""
    distance_m: float
    visibility: float
    """Mean over all landmarks."""
    hidden: tuple[str, ...]
    """Limb landmarks with a visibility below 0.3."""
    hidden_visibility: float
    """Their mean visibility; not-a-number where there is none."""
    since_anchor_s: float
    depth_share: float
    """Share of the squared error that lies along the viewing ray."""
    detector_mm: float
    """MPJPE of the raw landmarks, 12 joints, their viewing ray undone."""
    image_mm: float
    """Median distance, over 12 limb joints, of image landmarks to the true joints, at the person's distance."""
    exchanged: tuple[str, ...]
    """Arms, legs: their image landmarks are over 100 mm off, and less than half that with left and right exchanged."""
    outside: int
    """How many of the 12 limb landmarks lie outside of the image."""
    joint_mm: dict[str, float]
    """Error of each joint."""
    detector_joint_mm: dict[str, float]
    """Error of the raw landmark at each of the 12 limb joints."""
    ceiling_mm: dict[str, float]
    """What each ceiling would leave of it."""


def worst_frames(study: ErrorStudy, system: str, count: int) -> list[int]:
    """Rows of the study's frames with the greatest position errors, the worst first, that are distinct moments.

    Greedy: each is the worst frame that is at least 3 s from those chosen of its clip, and within 3 s of at most one
    chosen of its take's other cameras. Fewer than `count` where the frames do not suffice.
    """
    sums = study.figures[system]["mpjpe_mm"]
    error = sums.value.sum(1) / sums.weight.sum(1)
    clip, take = study.frames["clip"].to_numpy(), study.frames["take"].to_numpy()
    second = study.frames["take_s"].to_numpy()
    free, seen = np.ones(len(error), dtype=bool), np.zeros(len(error), dtype=int)
    chosen: list[int] = []
    while len(chosen) < count and free.any():
        worst = int(np.where(free, error, -np.inf).argmax())
        chosen.append(worst)
        near = (take == take[worst]) & (np.abs(second - second[worst]) < APART_S)
        seen += near
        free &= ~(near & (clip == clip[worst])) & (seen < SAME_MOMENT)
    return chosen


def worst_moments(study: ErrorStudy, clipset: ClipSet, system: str, count: int = 10) -> list[Moment]:
    """The worst moments of a system with their facts, the worst first."""
    return [_moment(study, clipset, system, row) for row in worst_frames(study, system, count)]


def cause(moment: Moment) -> str:
    """What the facts say of a moment, in a sentence: where it goes wrong, and what may have led there."""
    regions = {name: np.mean([moment.joint_mm[joint] for joint in joints]) for name, joints in _REGIONS.items()}
    worst = sorted(regions, key=lambda name: -regions[name])[:2]
    where = " and ".join(f"{name} {regions[name]:.0f} mm off{_detector_words(moment, name)}" for name in worst)
    return f"{where}: {'; '.join(_reasons(moment))}"


def _detector_words(moment: Moment, region: str) -> str:
    """How far the raw landmarks of a region are off, where it has any."""
    found = [moment.detector_joint_mm[joint] for joint in _REGIONS[region] if joint in moment.detector_joint_mm]
    return f" (raw {np.mean(found):.0f})" if found else ""


def _reasons(m: Moment) -> list[str]:
    """What is remarkable, the detector's part first."""
    shown = [f"seen from the {m.side}"]
    if "bent" in m.pose:
        shown.append("bent down or on the floor")
    reasons = []
    if m.exchanged:
        reasons.append(f"the detector exchanges left and right {' and '.join(m.exchanged)}")
    if m.image_mm > _FAR_MM:
        reasons.append(f"the detector is {m.image_mm:.0f} mm off in the image already")
    if m.hidden:
        names = ", ".join(name.replace("_", " ") for name in m.hidden)
        reasons.append(f"hidden: {names} (mean visibility {m.hidden_visibility:.2f})")
    if m.outside:
        reasons.append(f"{m.outside} of 12 limb landmarks outside the image")
    if m.since_anchor_s < 0.5:
        reasons.append(f"tracking began {m.since_anchor_s:.2f} s ago")
    if m.ceiling_mm["lag"] < 0.75 * m.mpjpe_mm:
        reasons.append(f"the prediction comes late (without its lag {m.ceiling_mm['lag']:.0f} mm)")
    if m.root_deg > 30:
        reasons.append(f"the hips are turned by {m.root_deg:.0f} deg")
    if m.depth_share > 0.6:
        reasons.append(f"{100 * m.depth_share:.0f} % of the squared error lies in depth")
    elif m.depth_share < 0.25:
        reasons.append(f"{100 * (1 - m.depth_share):.0f} % of the squared error lies across the image")
    return [", ".join(shown), *reasons]


def _moment(study: ErrorStudy, clipset: ClipSet, system: str, row: int) -> Moment:
    frame = study.frames.iloc[row]
    clip, number = str(frame["clip"]), int(frame["frame"])
    figures = {key: sums.value[row] for key, sums in study.figures[system].items()}
    landmarks, truth, camera = clipset.clip_landmarks(clip)[number], clipset.clip_truth(clip), clipset.camera_of(clip)
    place, (true, _) = truth.root_position[number], forward_kinematics(truth.rotation[number], truth.offset)
    pixel = landmarks[:, SCREEN] * landmarks.new_tensor([camera.width, camera.height])
    true_pixel = camera.project(place + true[_LIMB_JOINTS])
    seen_mm, mirrored_mm = (
        (pixel[of] - true_pixel).norm(dim=-1) * 1000 * place[2] / camera.fx for of in (_LANDMARKS, _MIRRORED)
    )
    raw = (landmarks[:, WORLD] - landmarks[_HIPS, WORLD].mean(0)) @ ray_rotation(place).mT
    raw_mm = mpjpe_mm(raw[_LANDMARKS], true[_LIMB_JOINTS])
    visibility, screen = landmarks[_LANDMARKS, VISIBILITY], landmarks[_LANDMARKS, SCREEN]
    hidden = visibility < MIN_VISIBILITY
    squares = np.square(study.ray_error[system][row].astype(float)).sum(0)
    return Moment(
        clip=clip,
        frame=number,
        second=number / float(clipset.clips.fps[clip]),
        mpjpe_mm=float(figures["mpjpe_mm"].mean()),
        mpjpe_local_mm=float(figures["mpjpe_local_mm"].mean()),
        root_deg=float(np.degrees(figures["mare_root_rad"].mean())),
        pose=tuple(name for name in POSE_CLASSES if frame[name]),
        side=str(frame["side"]),
        distance_m=float(frame["distance_m"]),
        visibility=float(frame["visibility"]),
        hidden=tuple(name for name, is_hidden in zip(landmark.LIMB_LANDMARKS, hidden, strict=True) if is_hidden),
        hidden_visibility=float(visibility[hidden].mean()),
        since_anchor_s=float(frame["since_anchor_s"]),
        depth_share=float(squares[2] / max(squares.sum(), 1e-12)),
        detector_mm=float(raw_mm.mean()),
        image_mm=float(seen_mm.median()),
        exchanged=tuple(
            limbs
            for limbs, chosen in _PAIRS.items()
            if seen_mm[chosen].mean() > max(_FAR_MM, 2 * mirrored_mm[chosen].mean())
        ),
        outside=int(((screen < 0) | (screen > 1)).any(-1).sum()),
        joint_mm=dict(zip(JOINTS, figures["mpjpe_mm"].tolist(), strict=True)),
        detector_joint_mm={JOINTS[joint]: mm for joint, mm in zip(_LIMB_JOINTS, raw_mm.tolist(), strict=True)},
        ceiling_mm={key: float(left[row]) for key, left in study.ceilings[system].items()},
    )
