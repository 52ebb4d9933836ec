"""What a performer does over a take, as strokes of named channels, before any joint is turned.

Angles of channels are degrees, lengths metres. The *heading* is a place on the floor and a facing (x, z, yaw; yaw 0
looks along +z and grows to the left); pelvis and feet are placed relative to it. All channels of an arm are those of a
right arm; the left one is its mirror image.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from blaze2cap.data.sources.sample.curve import FPS, Number, Track
from blaze2cap.data.sources.sample.subject import Subject

SIDES = ("right", "left")
SIGN = {"right": 1.0, "left": -1.0}

PELVIS = ("forward", "side", "drop", "tilt", "lean", "turn")
"""Pelvis relative to the heading: forward and to the right [m], below standing height [m]; tilted forward, leaning to
the right and turned to the left [deg]."""
SPINE = ("bend", "spine_lean", "twist")
"""Trunk on the pelvis: bent forward, to the right, twisted to the left [deg]."""
HEAD = ("nod", "head_lean", "look")
"""Neck and head on the trunk: nodding forward, leaning to the right, turned to the left [deg]."""
ARM = ("lift", "spread", "rotate", "elbow", "pronate", "flex", "deviate", "shrug", "protract", "swing")
"""One arm: lifted forward and spread to the side from hanging, turned inwards about its own axis, elbow bent, the
hand's three angles, shoulder up and forward [deg]; `swing` is its share in the gait's arm swing."""
FOOT = ("x", "z", "yaw", "height", "pitch", "rise", "free")
"""One foot: its place [m] and facing [deg, to the left] in the world, height above standing [m], toes down [deg], heel
lifted off about the ball [deg]; `free` is 1 in the air and 0 where it bears weight."""

LIMITS_DEG = {
    "bend": (-30, 80), "spine_lean": (-38, 38), "twist": (-48, 48),
    "nod": (-50, 50), "head_lean": (-34, 34), "look": (-75, 75),
    "lift": (-55, 175), "spread": (-32, 175), "rotate": (-95, 90), "elbow": (1, 150), "pronate": (-60, 60),
    "flex": (-60, 60), "deviate": (-25, 25), "shrug": (-18, 28), "protract": (-22, 28),
}  # fmt: skip
"""What trunk, neck and arms allow, by channel."""

REST = {"spread": 8.0, "rotate": 8.0, "lift": 2.0, "flex": 4.0, "swing": 1.0}
"""A hanging arm; channels not named are 0."""


def without_side(channel: str) -> str:
    """`right_elbow` -> `elbow`; channels of the trunk are returned as they are."""
    return channel.removeprefix("right_").removeprefix("left_")


def other_side(side: str) -> str:
    """`right` -> `left`, `left` -> `right`."""
    return SIDES[1 - SIDES.index(side)]


def arm_channels(side: str) -> tuple[str, ...]:
    """Names of one arm's channels in the body track."""
    return tuple(f"{side}_{name}" for name in ARM)


@dataclass
class Performance:
    """Tracks of one take under construction; `now` [s] is where the legs' next activity starts."""

    subject: Subject
    seconds: float
    rng: np.random.Generator
    now: float = 0.0
    body: Track = field(init=False)
    feet: dict[str, Track] = field(init=False)
    heading: Float[np.ndarray, "3 frames"] = field(init=False)
    gait: dict[str, Float[np.ndarray, "frames"]] = field(init=False)
    hands_free: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        arms = [name for side in SIDES for name in arm_channels(side)]
        self.body = Track(dict.fromkeys((*PELVIS, *SPINE, *HEAD, *arms), 0.0))
        start = np.array([self.rng.uniform(-0.4, 0.4), self.rng.uniform(-0.4, 0.4), self.rng.uniform(-np.pi, np.pi)])
        self.heading = np.repeat(start[:, None], self.frames, axis=1)
        self.gait = {name: np.zeros(self.frames) for name in (*PELVIS, *SPINE, *arms)}
        self.feet = {}
        for side in SIDES:
            x, z, yaw = self.floor(start, 0.0, SIGN[side] * self.stance)
            turned_out = yaw - SIGN[side] * self.subject.style.toe_out_deg
            self.feet[side] = Track(dict.fromkeys(FOOT, 0.0) | {"x": x, "z": z, "yaw": turned_out})

    @property
    def frames(self) -> int:
        """Frames of the take."""
        return round(self.seconds * FPS)

    @property
    def stance(self) -> float:
        """Half the distance between the feet in standing [m]."""
        return 0.11 * self.subject.leg / 0.77

    @property
    def place(self) -> Float[np.ndarray, "3"]:
        """The heading (x, z, yaw [rad]) that the last locomotion leaves."""
        return self.heading[:, -1]

    def frame(self, time: float) -> int:
        """Index of the frame at a time [s], inside the take."""
        return min(max(round(time * FPS), 0), self.frames)

    @staticmethod
    def floor(place: Float[np.ndarray, "3"], forward: Number, right: Number) -> tuple[float, float, float]:
        """World x, z [m] and yaw [deg] of a point on the floor given relative to a heading."""
        x, z, yaw = place
        sin, cos = np.sin(yaw), np.cos(yaw)
        return float(x + forward * sin - right * cos), float(z + forward * cos + right * sin), float(np.rad2deg(yaw))

    def uniform(self, low: Number, high: Number) -> float:
        """A number between two."""
        return float(self.rng.uniform(low, high))

    def chance(self, share: float) -> bool:
        """True in this share of the calls."""
        return bool(self.rng.uniform() < share)

    def tempo(self, low: Number, high: Number) -> float:
        """A duration [s] in this person's tempo."""
        return self.uniform(low, high) * self.subject.style.tempo

    def pose(self, start: Number, duration: Number, **targets: Number) -> None:
        """Strokes of pelvis, trunk and head."""
        self.body.move(start, duration, **targets)

    def arm(self, side: str, start: Number, duration: Number, **targets: Number) -> None:
        """Strokes of one arm's channels, named without the side."""
        self.body.move(start, duration, **{f"{side}_{name}": value for name, value in targets.items()})

    def rest_arm(self, side: str, start: Number, duration: Number) -> None:
        """Bring an arm back to hanging, elbow bent as this person does."""
        rest = dict.fromkeys(ARM, 0.0) | REST | {"elbow": self.subject.style.elbow_deg}
        self.arm(side, start, duration, **rest)

    def step(
        self,
        side: str,
        start: Number,
        duration: Number,
        *,
        forward: Number,
        out: Number,
        yaw: Number | None = None,
        height: Number = 0.0,
        pitch: Number = 0.0,
        lift: Number = 0.05,
    ) -> None:
        """Move a foot to a place `forward` of and `out` (away from the middle) of the heading [m].

        A foot that stays in the air (`height`) bears no weight; one that stays down is set on the floor again.
        """
        x, z, facing = self.floor(self.place, forward, SIGN[side] * out)
        turned_out = self.subject.style.toe_out_deg if yaw is None else yaw
        foot = self.feet[side]
        towards = self.nearest_turn(foot.target("yaw"), facing - SIGN[side] * turned_out)
        foot.move(start, duration, x=x, z=z, yaw=towards, height=height, pitch=pitch)
        if height > 0.15:
            foot.move(start, 0.5 * duration, free=1.0)
        else:
            foot.move(start, 0.4 * duration, free=1.0)
            foot.move(start + 0.5 * duration, 0.5 * duration, free=0.0)
            foot.nudge(start, duration, height=lift)

    def upright(self, start: Number, duration: Number) -> None:
        """Pelvis, trunk and head back to standing."""
        stoop = self.subject.style.stoop_deg
        still = dict.fromkeys((*PELVIS, *SPINE, *HEAD), 0.0)
        self.pose(start, duration, **(still | {"bend": stoop, "nod": self.uniform(-4, 6)}))

    def finish(self, end: Number, *, hands: bool) -> None:
        """Close an activity of the legs that started at `now`; `hands` says that the arms were left to gestures."""
        if hands:
            self.hands_free.append((self.now, end))
        self.now = end

    def free_stretches(self) -> list[tuple[float, float]]:
        """Times [s] at which the arms have nothing else to do, neighbours joined."""
        joined: list[tuple[float, float]] = []
        for start, end in self.hands_free:
            if joined and start - joined[-1][1] < 0.05:
                joined[-1] = (joined[-1][0], end)
            else:
                joined.append((start, end))
        return joined

    @staticmethod
    def nearest_turn(before: Number, angle: Number) -> float:
        """The same direction as `angle` [deg], less than half a turn from `before`."""
        return before + (angle - before + 180) % 360 - 180

    def leg_lengths(self) -> tuple[float, float]:
        """Thigh and shin [m]."""
        return self.subject.length("RightLeg"), self.subject.length("RightFoot")
