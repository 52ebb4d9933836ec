"""Video to raw landmarks, and their file: the first half of the road from a video to motion."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from blaze2cap.body.landmark import RAW_TRACKED
from blaze2cap.data.raw import Sidecar
from blaze2cap.errors import UserError
from blaze2cap.runtime.frame_progress import frame_progress
from blaze2cap.runtime.frame_rate import Steady, at_constant_rate, require_few_gaps
from blaze2cap.runtime.pose_model import PoseModel
from blaze2cap.runtime.video import Frame, Video
from blaze2cap.runtime.whole_file import require_writable, whole_file
from blaze2cap.untrusted import read_json

SUFFIX = ".npy"


@dataclass(frozen=True, kw_only=True)
class DetectedSidecar(Sidecar):
    """A sidecar that also says what detected the landmarks, and what the user told of the video: None where nothing."""

    backend: str
    backend_version: str
    model: str
    model_sha256: str
    resampled: bool
    field_of_view_deg: float | None
    told_fps: float | None


_REQUIRED_KEYS, _KEYS = ({entry.name for entry in fields(kind)} for kind in (Sidecar, DetectedSidecar))


@dataclass(frozen=True)
class Extraction:
    """Landmarks of each frame of a video, when it was taken [s], and the size of the picture [px]."""

    landmarks: Float32[np.ndarray, "frames 33 10"]
    time_s: Float[np.ndarray, "frames"]
    width: int
    height: int
    declared_fps: float
    model: PoseModel
    notices: list[str] = field(default_factory=list)

    def at_constant_rate(self) -> Steady:
        """The landmarks as a landmark file holds them, at one rate; rows are frames where these come evenly."""
        return at_constant_rate(self.landmarks, self.time_s, self.declared_fps)


def extract_landmarks(video: Video, model: PoseModel, shown: bool = True) -> Extraction:
    """Detect one person in all frames, with progress on stderr if `shown`; after a cut the person is searched anew.

    UserError where the video cannot be read to its end, its times jump, or nobody is detected in any frame.
    """
    from blaze2cap.runtime.pose_detector import PoseDetector
    from blaze2cap.runtime.scene_cut import CutWatch

    rows, times, cuts, watch = [], [], 0, CutWatch()
    width = height = 0
    with PoseDetector(model) as detector:
        for time_s, image in _shown(video) if shown else video.frames():
            if watch.is_cut(image):
                detector.reset()
                cuts += 1
            rows.append(detector.detect(image, time_s))
            times.append(time_s)
            height, width = image.shape[:2]
        others = detector.most_others
    require_few_gaps(video.path, np.array(times))
    landmarks = np.stack(rows)
    detected = landmarks.any(axis=(1, 2))
    if not detected.any():
        raise UserError(
            f"{video.path}: nobody is detected in any of its {len(rows)} frames; a person should be upright, "
            "seen as a whole and fill a fifth of the picture's height or more"
        )
    notices = [*video.notices, *_tracking_notices(video.path, landmarks, cuts, others)]
    return Extraction(landmarks, np.array(times), width, height, video.declared_fps, model, notices)


def require_landmark_file(path: Path) -> None:
    """UserError where landmarks cannot be written to a path, or a file that is no sidecar is in the sidecar's place."""
    if path.suffix != SUFFIX:
        raise UserError(
            f"{path}: cannot write {path.suffix or 'a name without suffix'}; landmark files end in {SUFFIX}"
        )
    beside = path.with_suffix(".json")
    for target in (path, beside):
        require_writable(target)
    try:
        known = read_json(beside)
        # Landmarks kept as JSON may say size and rate, too.
        taken = not isinstance(known, dict) or not _REQUIRED_KEYS <= known.keys() <= _KEYS
    except FileNotFoundError:
        taken = False
    except (OSError, ValueError):
        taken = True
    if taken:
        raise UserError(f"{beside}: is there and no sidecar of landmarks, it would be replaced; choose another name")


def write_extraction(
    path: Path, extraction: Extraction, field_of_view_deg: float | None = None, told_fps: float | None = None
) -> Steady:
    """Write the landmark file and its sidecar, both or none, and return what was written.

    `field_of_view_deg` and `told_fps` are what the user has told of the video.
    """
    from blaze2cap.runtime.pose_detector import BACKEND, BACKEND_VERSION

    require_landmark_file(path)
    steady = extraction.at_constant_rate()
    sidecar = DetectedSidecar(
        width=extraction.width,
        height=extraction.height,
        fps=steady.fps,
        backend=BACKEND,
        backend_version=BACKEND_VERSION,
        model=extraction.model.name,
        model_sha256=extraction.model.sha256,
        resampled=steady.resampled,
        field_of_view_deg=field_of_view_deg,
        told_fps=told_fps,
    )
    with whole_file(path.with_suffix(".json")) as partial_sidecar, whole_file(path) as partial:
        partial_sidecar.write_text(json.dumps(asdict(sidecar), indent=2) + "\n")
        with partial.open("wb") as file:  # np.save would add a suffix to the partial file's name
            np.save(file, steady.landmarks, allow_pickle=False)
    return steady


def _shown(video: Video) -> Iterator[Frame]:
    return frame_progress(video.frames(), video.expected_frames, "extract")


def _tracking_notices(path: Path, landmarks: Float32[np.ndarray, "frames 33 10"], cuts: int, others: int) -> list[str]:
    detected = landmarks.any(axis=(1, 2))
    anchors = int((detected & (landmarks[:, 0, RAW_TRACKED] == 0)).sum())
    notices = []
    if others:
        people = "somebody else was" if others == 1 else f"up to {others} others were"
        notices.append(f"{path}: {people} seen beside the person followed; if it is the wrong one, cut out the others")
    if anchors > 1:
        again = "once" if anchors == 2 else f"{anchors - 1} times"
        cut = f" ({cuts} cuts were seen)" if cuts else ""
        notices.append(f"{path}: a person was searched and found again {again}{cut}; it may be another one each time")
    return notices
