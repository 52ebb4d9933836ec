"""BlazePose landmarks: names, the 25 that the model sees, their chains, and the channels of each layout.

Two layouts:
  raw    (frames, 33, 10)  as MediaPipe's Pose solution gives them; an undetected frame is all zeros
  model  (frames, 25, 7)   eyes and mouth dropped; world xyz, screen xy, visibility, tracking flag

World coordinates are metres, origin at the middle of the hips, x right, y down, z away from the camera, in a
frame that follows the viewing ray. Screen coordinates are fractions of the image's width and height.
The tracking flag is 0 in the first frame after a (re)detection, an *anchor*, and 1 in frames tracked on.
"""

import itertools

RAW_LANDMARKS = (
    "nose",
    "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
    "left_ear", "right_ear", "mouth_left", "mouth_right",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_pinky", "right_pinky", "left_index", "right_index", "left_thumb", "right_thumb",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    "left_heel", "right_heel", "left_foot_index", "right_foot_index",
)  # fmt: skip

LANDMARKS = tuple(name for name in RAW_LANDMARKS if "eye" not in name and "mouth" not in name)
LANDMARK_INDEX = {name: index for index, name in enumerate(LANDMARKS)}
KEPT_FROM_RAW = tuple(RAW_LANDMARKS.index(name) for name in LANDMARKS)

# Channels of the raw layout.
RAW_CHANNELS = 10
RAW_WORLD = slice(0, 3)
RAW_WORLD_VISIBILITY = 3
RAW_TRACKED = 4
RAW_SCREEN = slice(5, 7)
RAW_SCREEN_Z = 7
RAW_SCREEN_VISIBILITY = 8
RAW_TRACKED_COPY = 9
KEPT_RAW_CHANNELS = (0, 1, 2, 5, 6, 8, 9)

# Channels of the model layout.
CHANNELS = 7
WORLD = slice(0, 3)
SCREEN = slice(3, 5)
VISIBILITY = 5
TRACKED = 6

_CHAINS = tuple(
    chain
    for side in ("left", "right")
    for chain in (
        (f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist", f"{side}_index"),
        (f"{side}_hip", f"{side}_knee", f"{side}_ankle", f"{side}_foot_index"),
    )
)
_HANGING = {  # leaves beside the end of a chain
    f"{side}_{leaf}": f"{side}_{parent}"
    for side in ("left", "right")
    for leaf, parent in (("pinky", "wrist"), ("thumb", "wrist"), ("heel", "ankle"))
}

CHILD_OF = {parent: child for chain in _CHAINS for parent, child in itertools.pairwise(chain)}
PARENT_OF = {child: parent for parent, child in CHILD_OF.items()} | _HANGING


def indices(*names: str) -> list[int]:
    """Positions of the named landmarks among the 25."""
    return [LANDMARK_INDEX[name] for name in names]


def mirrored(name: str) -> str:
    """The landmark on the other side of the body; the nose is its own mirror image."""
    if name.startswith("left"):
        return name.replace("left", "right")
    return name.replace("right", "left")


MIRROR = tuple(LANDMARK_INDEX[mirrored(name)] for name in LANDMARKS)

# The 12 limb landmarks that have a joint of the skeleton at the same place, left and right of each pair.
LIMB_LANDMARKS = tuple(
    f"{side}_{part}" for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in ("left", "right")
)
