"""The published form of a data set: names of its files, what a folder of it holds, and its map.

    blaze_augmented/S1/acting1/cam1/blaze_S1_acting1_cam1_seg0_s1_o0.npy   (frames, 25, 7) landmarks, the source
    gt_augmented/S1/acting1/cam1/gt_S1_acting1_cam1_seg0_s1_o0.npy         (frames, 22, 6) motion, the target
    dataset_map.json

seg: unbroken tracking; s: stride; o: offset. A later release has other folders and prefixes (`augment.LAYOUTS`).
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from blaze2cap.body.landmark import CHANNELS, LANDMARKS
from blaze2cap.body.motion import SLOTS
from blaze2cap.data import schema
from blaze2cap.data.atomic import replace_text
from blaze2cap.data.augment import AUGMENTED, LAYOUTS, Layout, source_name, target_name
from blaze2cap.data.manifest import Fault
from blaze2cap.data.parallel import progress
from blaze2cap.data.raw import ClipName, load_array
from blaze2cap.data.split import SplitParams, part_of, read_split_map, split_map
from blaze2cap.errors import UserError
from blaze2cap.untrusted import files_in

if TYPE_CHECKING:
    import pandas as pd

DATASET_MAP_FILE = "dataset_map.json"
PUBLISHED_SOURCES = ("published", "huggingface")
"""Values of dataset.source that fill the raw folder in this form."""
SOURCE_SHAPE = (len(LANDMARKS), CHANNELS)
TARGET_SHAPE = (SLOTS, 6)
CAMERA_5_LOST = {
    "S1": ("acting1", "acting2", "acting3", "freestyle1", "freestyle3", "walking1", "walking2", "walking3"),
    "S2": ("acting1", "acting2", "freestyle3", "walking1", "walking2", "walking3"),
    "S3": ("acting1", "acting2", "acting3", "freestyle3", "rom2", "walking1", "walking2", "walking3"),
    "S4": ("acting3", "freestyle3", "walking2"),
    "S5": ("acting3", "freestyle1", "freestyle3", "walking3"),
}
"""Takes in which camera 5 followed another person, by subject; the published training leaves these views out."""

_STEM = r"(S\d+)_([a-z]+\d+)_cam(\d+)_seg(\d+)_s(\d+)_o(\d+)\.npy"


class SampleName(NamedTuple):
    """What the name of a sample's files says of it."""

    subject: str
    action: str
    camera: str
    segment: int
    stride: int
    offset: int

    @property
    def clip(self) -> ClipName:
        """The clip that it is cut from."""
        return ClipName(self.subject, self.action, self.camera)

    @property
    def is_of_another_person(self) -> bool:
        """Whether it is a view that camera 5 lost."""
        return self.camera == "5" and self.action in CAMERA_5_LOST.get(self.subject, ())

    def source(self, layout: Layout) -> str:
        """Relative path of its landmarks."""
        return source_name(*self, layout)

    def target(self, layout: Layout) -> str:
        """Relative path of its motion."""
        return target_name(self.source(layout))


class MapDifferences(NamedTuple):
    """Sources of entries that only a published map has, that only the standard one has, and that are not the same."""

    only_published: list[str]
    only_standard: list[str]
    unequal: list[str]

    def __str__(self) -> str:
        kinds = ("more entries", "entries lacking", "other entries")
        return ", ".join(f"{len(names)} {kind} ({names[0]})" for kind, names in zip(kinds, self, strict=True) if names)


class PublishedFolder(NamedTuple):
    """What a folder holds: frames of each sound pair, in the order of subject, action and numbers; all faults."""

    layout: Layout
    frames: dict[SampleName, int]
    faults: list[Fault]


def scan_published(folder: Path) -> PublishedFolder:
    """Find all pairs and read the headers of their files.

    Raises UserError where the folder is not there, has neither or both layouts, or holds no sound pair.
    """
    layout = _find_layout(folder)
    faults: list[Fault] = []
    sources, targets = (set(_names(folder, layout, kind, faults)) for kind in ("source", "target"))
    pairs = sorted(sources | targets, key=lambda n: (n.subject, n.action, int(n.camera), *n[3:]))
    frames = {}
    for name in progress(pairs, len(pairs), "reading headers"):
        source, target = name.source(layout), name.target(layout)
        try:
            if name not in targets:
                raise UserError(f"{source}: no target {target}")
            if name not in sources:
                raise UserError(f"{target}: no source {source}")
            frames[name] = _pair_frames(folder / source, folder / target)
        except UserError as error:
            left_out = source if name in sources else target
            faults.append(Fault(left_out, str(error).replace(f"{folder}/", "")))
    if not frames:
        reasons = "; ".join(fault.sentence for fault in faults[:3]) or f"no files in {layout.source_folder}"
        raise UserError(f"{folder}: no sample has both source and target: {reasons}")
    return PublishedFolder(layout, frames, faults)


def dataset_map(names: Iterable[SampleName], layout: Layout, params: SplitParams) -> "pd.DataFrame":
    """The map of samples: standard protocol, `params.validation` cut from training, in the published order."""
    import pandas as pd

    rows = [(n.source(layout), n.target(layout), n.subject, n.action, n.camera) for n in names]
    table = pd.DataFrame(rows, columns=["source", "target", "subject", "action", "camera"])
    return split_map(table, {take: part_of(take, params) for take in table.subject + "/" + table.action})


def write_dataset_map(path: Path, table: "pd.DataFrame", layout: Layout) -> None:
    """Write a map, whole or not at all; that of the first layout has `split_val` only where a sample is in it."""
    schema.check(table, "split_map", path)
    if layout == AUGMENTED and not table.split_val.any():
        table = table.drop(columns="split_val")
    try:
        replace_text(path, json.dumps(table.to_dict("records"), indent=1) + "\n")
    except OSError as error:
        raise UserError(f"{path}: could not be written ({error.strerror})") from None


def map_differences(path: Path, names: Iterable[SampleName], layout: Layout) -> MapDifferences:
    """Hold the map that came with samples against the standard one, entry for entry; UserError where it is not one.

    What it validates on counts as training, from which it is cut.
    """

    def entries(table: "pd.DataFrame") -> dict[str, tuple[object, ...]]:
        training = table.split_train | table.split_val
        columns = (table.target, table.subject, table.action, table.camera, training, table.split_test)
        return dict(zip(table.source, zip(*columns, strict=True), strict=True))

    published, standard = entries(read_split_map(path)), entries(dataset_map(names, layout, SplitParams()))
    return MapDifferences(
        sorted(published.keys() - standard.keys()),
        sorted(standard.keys() - published.keys()),
        sorted(name for name in published.keys() & standard.keys() if published[name] != standard[name]),
    )


def count_parts(table: "pd.DataFrame") -> str:
    """How many samples a map has in each part, in words."""
    counts = {part: int(table[f"split_{part}"].sum()) for part in ("train", "val", "test")}
    counts["in no part"] = len(table) - sum(counts.values())
    return f"{len(table)} samples: " + ", ".join(f"{count} {part}" for part, count in counts.items())


def sample_array(path: Path, shape: tuple[int, int], from_header: bool = False) -> np.ndarray:
    """One file of a pair, (frames, *shape) floats; UserError where it is missing, damaged, of another shape or empty.

    With `from_header` nothing else is read: the array is mapped into memory.
    """
    array = load_array(path, "r" if from_header else None)
    if array.shape[1:] != shape or not np.issubdtype(array.dtype, np.floating):
        raise UserError(
            f"{path}: shape {array.shape} of {array.dtype}, expected (frames, {shape[0]}, {shape[1]}) floats"
        )
    if not len(array):
        raise UserError(f"{path}: no frames")
    return array


def _pair_frames(source: Path, target: Path) -> int:
    landmarks, slots = sample_array(source, SOURCE_SHAPE, True), sample_array(target, TARGET_SHAPE, True)
    if len(landmarks) != len(slots):
        raise UserError(f"{source}: {len(landmarks)} frames, but its target {target} has {len(slots)}")
    return len(landmarks)


def _find_layout(folder: Path) -> Layout:
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    found = [
        layout
        for layout in LAYOUTS.values()
        if (folder / layout.source_folder).is_dir() or (folder / layout.target_folder).is_dir()
    ]
    expected = " or ".join(f"{layout.source_folder} and {layout.target_folder}" for layout in LAYOUTS.values())
    if len(found) != 1:
        raise UserError(f"{folder}: {'both layouts' if found else 'not the published layout'}, expected {expected}")
    return found[0]


def _names(folder: Path, layout: Layout, kind: str, faults: list[Fault]) -> Iterator[SampleName]:
    """Names of all files of a kind but hidden ones; what does not parse is a fault."""
    top = layout.source_folder if kind == "source" else layout.target_folder
    prefix = layout.source_prefix if kind == "source" else layout.target_prefix
    pattern = re.compile(prefix + _STEM, re.ASCII)
    for path in sorted(_files(folder / top)):
        relative = path.relative_to(folder).as_posix()
        match = pattern.fullmatch(path.name)
        if match is None:
            expected = f"{prefix}{{subject}}_{{action}}_cam{{N}}_seg{{k}}_s{{stride}}_o{{offset}}.npy"
            faults.append(Fault(relative, f"{relative}: its name is not {expected}"))
            continue
        subject, action, camera, *numbers = match.groups()
        segment, stride, offset = map(int, numbers)
        name = SampleName(subject, action, camera, segment, stride, offset)
        proper = name.source(layout) if kind == "source" else name.target(layout)
        if relative != proper:
            faults.append(Fault(relative, f"{relative}: by its name it belongs at {proper}"))
        elif name.offset >= name.stride:
            faults.append(Fault(relative, f"{relative}: offset {name.offset} is not below stride {name.stride}"))
        else:
            yield name


def _files(folder: Path) -> Iterator[Path]:
    try:
        for _, files in files_in(folder) if folder.is_dir() else ():
            yield from files
    except OSError as error:
        raise UserError(f"{error.filename}: could not be listed ({error.strerror})") from None
