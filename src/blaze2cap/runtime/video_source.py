"""`dataset.source=video`: people's own recordings, brought into the raw layout; videos are looked at now.

Importing this module makes the source known. It stands here and not beside the others, as it runs the detector.
"""

import sys
from dataclasses import replace
from pathlib import Path

from blaze2cap.body.camera import Camera
from blaze2cap.data.calibration import write_calibration
from blaze2cap.data.clipset import VIDEO
from blaze2cap.data.manifest import Fault
from blaze2cap.data.own_recordings import LANDMARK_SUFFIX, list_own, own_clip
from blaze2cap.data.raw import CALIBRATION_FILE, ClipName, read_landmarks
from blaze2cap.data.sources.registry import DatasetParams, TakenOver, source
from blaze2cap.data.sources.totalcapture import copy_recording
from blaze2cap.data.sources.video import OwnInspection, find_own
from blaze2cap.errors import UserError
from blaze2cap.runtime.extraction import extract_landmarks, write_extraction
from blaze2cap.runtime.footage import Footage, read_footage
from blaze2cap.runtime.pose_model import PoseModel, find_pose_model
from blaze2cap.runtime.video import open_video


@source(VIDEO)
def own_recordings(params: DatasetParams, folder: Path) -> TakenOver:
    """A folder of videos, folders of images and landmark files, which have no truth."""
    recordings = find_own(params.path)
    return TakenOver(take_over(recordings, folder, find_pose_model("full")), recordings)


def take_over(recordings: Path, raw: Path, model: PoseModel) -> OwnInspection:
    """Bring every recording of a folder into the new folder `raw`, one after another; what cannot be used is a fault.

    Raises UserError where nothing in the folder can be used.
    """
    names, extracted = list_own(recordings)
    told = [f"{name} is not looked at, as a landmark file of the same stem lies beside it" for name in extracted]
    faults: list[Fault] = []
    originals: dict[ClipName, str] = {}
    frames, cameras = {}, {}
    for number, name in enumerate(names, 1):
        clip = own_clip(len(originals) + 1)
        print(f"recording {number} of {len(names)}: {name}", file=sys.stderr, flush=True)
        try:
            footage, camera = _bring(recordings / name, raw / clip.landmark_file, model)
        except UserError as error:
            faults.append(Fault(name, str(error).replace(f"{recordings}/", "")))
            continue
        originals[clip], frames[clip] = name, len(footage.landmarks)
        cameras[clip.camera] = camera
        told += [notice.replace(f"{recordings}/", "") for notice in footage.notices]
    if not originals:
        reasons = "; ".join(fault.sentence for fault in faults[:3]) or "it is empty"
        raise UserError(f"{recordings}: nothing in this folder can be used: {reasons}")
    write_calibration(raw / CALIBRATION_FILE, cameras)
    return OwnInspection(dict.fromkeys((clip.take for clip in frames), 0), frames, faults, [], originals, told)


def _bring(recording: Path, target: Path, model: PoseModel) -> tuple[Footage, Camera]:
    """Write the landmark file of a recording, and its sidecar where there is one; what is known of video and camera."""
    sidecar = recording.with_suffix(".json")
    if recording.suffix != LANDMARK_SUFFIX or recording.is_dir():
        extraction = extract_landmarks(open_video(recording), model)
        write_extraction(target, extraction)
        footage = replace(read_footage(target), notices=tuple(extraction.notices))
        return footage, _camera(footage, sidecar)
    read_landmarks(recording)
    footage = read_footage(recording)
    camera = _camera(footage, sidecar)  # before anything is copied, as the next recording may take this one's place
    copy_recording(recording, target)
    if sidecar.exists():
        copy_recording(sidecar, target.with_suffix(".json"))
    return footage, camera


def _camera(footage: Footage, sidecar: Path) -> Camera:
    """A camera that stands at the origin; UserError where the sidecar gives it a field of view that no camera has."""
    try:
        intrinsics = footage.intrinsics().tolist()
    except UserError as error:
        raise UserError(f"{sidecar}: {error}") from None
    return Camera.at_origin(intrinsics, footage.width, footage.height)
