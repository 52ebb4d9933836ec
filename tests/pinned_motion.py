"""What people do in the sample and how its detector errs, in tables: many of these numbers no law can know.

Committed metrics come from this data set, so that a change of it must be meant. The tables are means over time, in the
unit that a column names; where it names none, the unit is the channel's (`sample.performance`).

python tests/pinned_motion.py     writes them again
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from blaze2cap.body.kinematics import global_to_local
from blaze2cap.body.landmark import KEPT_FROM_RAW, LANDMARKS, RAW_LANDMARKS, RAW_SCREEN, RAW_WORLD, VISIBILITY, WORLD
from blaze2cap.body.rotation import matrix_to_rotation_vector
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.data.detector.observation import ray_view
from blaze2cap.data.detector.parametric import Noise, ParametricDetector, SubjectBias, observed
from blaze2cap.data.detector.raw import simulate_raw
from blaze2cap.data.detector.tracking import TrackingFigures
from blaze2cap.data.generated_motion import FLOOR
from blaze2cap.data.sources.sample import SampleParams, activity, gesture, script, stretch
from blaze2cap.data.sources.sample.embodiment import Take
from blaze2cap.data.sources.sample.performance import SIDES, Performance
from blaze2cap.data.sources.sample.room import make_cameras
from blaze2cap.data.sources.sample.subject import SUBJECTS, make_subject

FOLDER = Path(__file__).parent / "pinned"
PARAMS = SampleParams()
FLOOR_TAKE = FLOOR.actions[0]
WALKING = ("walking", "acting", "freestyle", FLOOR_TAKE.rstrip("1"))
ACTIVITIES = (
    activity.stand, activity.squat, activity.bend_down, activity.sit, activity.lunge, activity.lift_leg,
    activity.trunk, activity.kneel, activity.on_all_fours, activity.lie_down, activity.fold, stretch.straddle,
    stretch.deep_step, stretch.bow, stretch.arch,
)  # fmt: skip
TAKES = ("S1/walking1", "S2/acting1", "S3/freestyle1", "S1/rom1", "S4/freestyle3", "S5/acting3", f"S2/{FLOOR_TAKE}")
SEEN = ("S3/freestyle1", "S1/walking1", "S4/freestyle3", "S1/rom1")


class Pin(NamedTuple):
    """A table by cases: what makes the rows of each, and how near they must be, in the units of the columns."""

    cases: dict[str, Callable[[], pd.DataFrame]]
    decimals: int
    tolerance: float

    def table(self) -> pd.DataFrame:
        return pd.concat({case: make().round(self.decimals) for case, make in self.cases.items()}, names=["case"])


def _channels(act: Callable[[Performance], None], seconds: float) -> pd.DataFrame:
    """Mean and spread of every channel that somebody moves, and when she is done."""
    rng = np.random.default_rng(0)
    performance = Performance(make_subject(SUBJECTS[0], 0), seconds, rng)
    performance.now = 1.0
    act(performance)
    tracks = performance.body.render(performance.frames)
    for side, foot in performance.feet.items():
        tracks |= {f"{side}_foot_{name}": curve for name, curve in foot.render(performance.frames).items()}
    tracks |= {f"gait_{name}": curve for name, curve in performance.gait.items()}
    tracks |= dict(zip(("x", "z", "yaw"), performance.heading, strict=True))
    rows = {name: (curve.mean(), curve.std()) for name, curve in tracks.items() if curve.std() > 1e-6}
    table = pd.DataFrame(rows, ["mean", "spread"]).T.rename_axis("row")
    table.loc["over"] = performance.now, float(rng.uniform())
    return table


def _again(act: Callable[[Performance], None]) -> pd.DataFrame:
    return _channels(lambda performance: [act(performance) for _ in range(5)], 45.0)


def _held(performance: Performance) -> None:
    for number, name in enumerate(gesture.POSES):
        gesture.take_pose(performance, SIDES[number % 2], 1 + 2 * number, 1.0, name)


def _walks(kind: str, performance: Performance) -> None:
    for _ in range(4 if kind == "walking" else 12):
        script.walk(performance, kind)


def _take(name: str) -> Take:
    subject, action = name.split("/")
    return script.perform(make_subject(subject, PARAMS.seed), action, PARAMS.seconds, PARAMS.seed)


def _motion(name: str) -> pd.DataFrame:
    """Where joints are in the world, and how they are turned in their parents' frames."""
    take = _take(name)
    turn = matrix_to_rotation_vector(global_to_local(take.rotation)).mean(0).rad2deg()
    turn[0] = torch.nan  # a turn of the whole body has no mean
    numbers = torch.cat((1000 * take.position.mean(0), turn), dim=-1)
    columns = [f"{part}_{axis}_{unit}" for part, unit in (("place", "mm"), ("turn", "deg")) for axis in "xyz"]
    return pd.DataFrame(numbers.numpy(), list(JOINTS), columns).rename_axis("row")


def _room() -> pd.DataFrame:
    rows = {
        name: [c.fx, c.fy, *(1000 * c.translation), *matrix_to_rotation_vector(c.rotation).rad2deg()]
        for name, c in make_cameras(PARAMS.cameras, PARAMS.seed).items()
    }
    columns = ["fx", "fy", "x_mm", "y_mm", "z_mm", "turn_x_deg", "turn_y_deg", "turn_z_deg"]
    return pd.DataFrame(rows, columns, dtype=float).T.rename_axis("row")


def _seen(name: str, number: int, size: float) -> pd.DataFrame:
    """Errors in the ray's frame and visibility in one frame; the noise and the subject are waves of this size."""
    take, camera = _take(name), make_cameras(PARAMS.cameras, PARAMS.seed)[str(number)]
    frame = slice(250 * number, 250 * number + 1)
    position, rotation = camera.to_camera(take.position[frame]), camera.rotation @ take.rotation[frame]
    view = ray_view(position[None].float(), rotation[None].float())

    def wave(*shape: int) -> torch.Tensor:
        return size * torch.arange(1.0, 1 + torch.Size(shape).numel()).sin().reshape(shape)

    subject = SubjectBias(0.02 * wave(1), 0.05 * wave(1, 25))
    noise = Noise(wave(1, 1, 25, 3), wave(1, 1, 25), 0.005 * wave(1, 1, 25, 2), 0.005 * wave(1, 1, 2))
    seen = observed(view, camera.intrinsics.float()[None], subject, noise)
    return _errors(seen[0, 0], view.truth[0, 0])


def _drawn() -> pd.DataFrame:
    """The same after a second, with drawn noise of a drawn subject."""
    take, camera = _take(SEEN[0]), make_cameras(PARAMS.cameras, PARAMS.seed)["1"]
    position, rotation = camera.to_camera(take.position[600:660]), camera.rotation @ take.rotation[600:660]
    pose = position[None].float(), rotation[None].float()
    generator = torch.Generator().manual_seed(0)
    seen = ParametricDetector().simulate(*pose, camera.intrinsics.float()[None], torch.ones(1), generator)
    return _errors(seen[0, -1], ray_view(*pose).truth[0, -1])


def _errors(seen: torch.Tensor, truth: torch.Tensor) -> pd.DataFrame:
    logit = torch.logit(seen[:, VISIBILITY].double())
    numbers = torch.cat((1000 * (seen[:, WORLD] - truth), logit[:, None]), dim=-1)
    return pd.DataFrame(numbers, list(LANDMARKS), ["x_mm", "y_mm", "z_mm", "visibility_logit"]).rename_axis("row")


def _clip(tracking: TrackingFigures) -> pd.DataFrame:
    """A whole clip, lost tracking included, as its file has it."""
    take, camera = _take(SEEN[0]), make_cameras(PARAMS.cameras, PARAMS.seed)["1"]
    pose = camera.to_camera(take.position), camera.rotation @ take.rotation
    (clip,) = simulate_raw(pose[0][None], pose[1][None], [camera], seeds=[0], subject_seed=0, tracking=tracking)
    mean = clip.astype(float).mean(0)
    face = [index for index in range(len(RAW_LANDMARKS)) if index not in KEPT_FROM_RAW]
    numbers = 1000 * np.concatenate((mean[:, RAW_WORLD], mean[:, RAW_SCREEN]), axis=1)[[*KEPT_FROM_RAW[:3], *face]]
    rows = [RAW_LANDMARKS[index] for index in (*KEPT_FROM_RAW[:3], *face)]
    columns = ["x_mm", "y_mm", "z_mm", "screen_x_thousandths", "screen_y_thousandths"]
    return pd.DataFrame(numbers, rows, columns).rename_axis("row")


def _named(*acts: Callable[[Performance], None]) -> Iterator[tuple[str, Callable[[], pd.DataFrame]]]:
    for act in acts:
        yield act.__name__, partial(_again, act)


PINS = {
    "choreography": Pin(
        dict(_named(*ACTIVITIES))
        | {f"walk, {kind}": partial(_channels, partial(_walks, kind), 200.0) for kind in WALKING}
        | {
            "poses of an arm": partial(_channels, _held, 32.0),
            "gestures": partial(_channels, lambda p: gesture.gesticulate(p, 1.0, 399.0, 0.95), 400.0),
            "exercises": partial(_channels, lambda p: gesture.exercise(p, 1.0, 299.0), 300.0),
            "looking about": partial(_channels, lambda p: gesture.look_about(p, 1.0, 59.0), 60.0),
        },
        decimals=5,
        tolerance=3e-5,
    ),
    "motion": Pin({name: partial(_motion, name) for name in TAKES}, decimals=2, tolerance=0.03),
    "room": Pin({"cameras": _room}, decimals=3, tolerance=0.01),
    "detector": Pin(
        {
            f"{name} by camera {number}, {said}": partial(_seen, name, number, size)
            for said, size in (("without noise", 0.0), ("with waves for noise", 1.0))
            for number, name in enumerate(SEEN, 1)
        }
        | {"drawn": _drawn},
        decimals=3,
        tolerance=0.01,
    ),
    "clip": Pin(
        {
            "by the default": partial(_clip, TrackingFigures()),
            "often lost to a stranger": partial(_clip, TrackingFigures(blink=0.01, stranger=0.5)),
        },
        decimals=2,
        tolerance=0.05,
    ),
}
"""By the names of their files."""


def read(pin: str) -> pd.DataFrame:
    return pd.read_csv(FOLDER / f"{pin}.csv", index_col=["case", "row"], dtype={"row": str})


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for pin, (_, decimals, _) in PINS.items():
        PINS[pin].table().to_csv(FOLDER / f"{pin}.csv", float_format=f"%.{decimals}f")
        print(f"wrote {FOLDER / pin}.csv")
