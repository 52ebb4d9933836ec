"""Parts of the data: the standard TotalCapture protocol, and a validation part cut from its training takes.

Train: S1-S3 in rom1-3, walking1, walking3, freestyle1-2, acting1-2. Test: S1-S5 in walking2, freestyle3, acting3.

Recordings that come with a map of their own are split as that says. A part is a function of the take alone, so no two
cameras, segments, strides or offsets of a take ever part company.
Samples that preprocess rejected stand in the split map with all flags false.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blaze2cap.data import schema
from blaze2cap.data.atomic import replace_text
from blaze2cap.data.augment import target_name
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.contract import FLAGS, PARTS
from blaze2cap.data.raw import is_take_name
from blaze2cap.errors import UserError
from blaze2cap.untrusted import read_json

if TYPE_CHECKING:
    import pandas as pd

MAP_FILE = "split_map.json"
PARTS_FILE = "takes.csv"
TRAIN_SUBJECTS = ("S1", "S2", "S3")
TRAIN_ACTIONS = (
    "rom1", "rom2", "rom3", "walking1", "walking3", "freestyle1", "freestyle2", "acting1", "acting2",
)  # fmt: skip
TEST_SUBJECTS = ("S1", "S2", "S3", "S4", "S5")
TEST_ACTIONS = ("walking2", "freestyle3", "acting3")
_TRAINING_TAKES = f"{', '.join(TRAIN_SUBJECTS)} in {', '.join(TRAIN_ACTIONS)}"


@dataclass(frozen=True, kw_only=True)
class SplitParams:
    """Whole takes ("subject/action") cut from the training part for validation, and takes left out of every part.

    Takes without landmarks can be held out, too: an evaluation sees them with simulated detections.
    """

    validation: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for key, takes in (("validation", self.validation), ("exclude", self.exclude)):
            for index, take in enumerate(takes):
                if not is_take_name(take):
                    raise ValueError(f"{key}[{index}] is {take!r}, expected subject/action like 'S2/freestyle2'")
                if take in takes[:index]:
                    raise ValueError(f"{key}[{index}] is {take!r}, which stands there twice")
        for index, take in enumerate(self.validation):
            if take in self.exclude:
                raise ValueError(f"validation[{index}] is {take!r}, which exclude names too")


def require_training_takes(validation: Iterable[str], key: str) -> None:
    """UserError, naming `key`, for a validation take that the standard protocol does not train on: it cuts no other."""
    for index, take in enumerate(validation):
        if standard_part(take) != "train":
            raise UserError(
                f"{key}[{index}] is {take!r}, which is not among the standard training takes, {_TRAINING_TAKES}"
            )


def standard_part(take: str) -> str:
    """Part of a take in the standard protocol: train, test or none."""
    subject, action = take.split("/")
    if subject in TRAIN_SUBJECTS and action in TRAIN_ACTIONS:
        return "train"
    return "test" if subject in TEST_SUBJECTS and action in TEST_ACTIONS else "none"


def part_of(take: str, params: SplitParams) -> str:
    """Part of a take: train, val, test or none."""
    if take in params.exclude:
        return "none"
    return "val" if take in params.validation else standard_part(take)


def assign_parts(takes: Iterable[str], params: SplitParams, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Part of each take; UserError where nothing remains to train on, or a validation take is none of the protocol's.

    `given` are the parts of the recordings' own map, instead of the standard protocol's: validation takes are cut from
    their training part, unless they have a validation part already.
    """
    if given is None:
        require_training_takes(params.validation, "split.validation")
        parts = {take: part_of(take, params) for take in takes}
    else:
        cut = () if "val" in given.values() else params.validation
        parts = {take: "val" if take in cut and given[take] == "train" else given[take] for take in takes}
        parts |= {take: "none" for take in parts if take in params.exclude}
    if "train" not in parts.values():
        raise UserError(_nothing_to_train_on(parts, given))
    return parts


def _nothing_to_train_on(takes: Collection[str], given: Mapping[str, str] | None) -> str:
    """Why no take is left to train on: none ever was a training take, or the parameters took the last one."""
    here = ", ".join(takes)[:200] or "none"
    if given is None and not any(standard_part(take) == "train" for take in takes):
        return (
            f"none of the takes here ({here}) is a training take of the standard protocol, {_TRAINING_TAKES}; name "
            "takes of your own like these"
        )
    if given is not None and "train" not in given.values():
        return f"the data set's own map has none of the takes here ({here}) in its training part; set split_train in it"
    return f"no take is left for training among {here}; look at split.validation and split.exclude in params.yaml"


def notices(parts: dict[str, str], params: SplitParams, motion_only: Collection[str] = ()) -> list[str]:
    """One sentence for each name that matches no take, on validation takes that the recordings' own map has elsewhere,
    for each part without takes, on takes that are in none unasked, and on validation takes that are among the ones
    without landmarks, `motion_only`."""
    sentences = [
        f"split.{key} names {take}, which is not among the takes here"
        for key, takes in (("validation", params.validation), ("exclude", params.exclude))
        for take in takes
        if take not in parts
    ]
    sentences += [
        f"split.validation names {take}, but the data set's own map has it in the {parts[take]} part, where it stays"
        for take in params.validation
        if parts.get(take, "val") != "val"
    ]
    empty = [part for part in PARTS[:3] if part not in parts.values()]
    sentences += [f"the {part} part has no take here, so nothing is reported on it" for part in empty]
    unused = [take for take, part in parts.items() if part == "none" and take not in params.exclude]
    if unused:
        sentences.append(
            f"the standard protocol, or the data set's own map, puts {len(unused)} of the {len(parts)} takes here in "
            f"no part, so nothing uses them: {', '.join(unused[:3])}{', ...' if len(unused) > 3 else ''}"
        )
    simulated = [take for take in params.validation if take in motion_only]
    if simulated:
        sentences.append(
            f"{', '.join(simulated)} of split.validation have no landmarks: they are scored with simulated detections "
            "and do not choose the weights"
        )
    return sentences


def split_map(samples: "pd.DataFrame", parts: dict[str, str]) -> "pd.DataFrame":
    """The published form of the split: one row a sample of the columns source, target, subject, action and camera.

    Where a column `rejected` is true, no flag is. In the published order: train first, then test, then subject, action,
    camera and source; validation, rejected and left out samples follow those, mixed.
    """
    table = samples[["source", "target", "subject", "action", "camera"]].reset_index(drop=True)
    part = (table.subject + "/" + table.action).map(parts)
    usable = ~samples.rejected.to_numpy() if "rejected" in samples else True
    table = table.assign(**{flag: (part == flag.removeprefix("split_")) & usable for flag in FLAGS})
    order = ["split_train", "split_test", "subject", "action", "camera", "source"]
    return table.sort_values(order, ascending=[False, False, True, True, True, True], ignore_index=True)


def published_samples(clipset: ClipSet) -> "pd.DataFrame":
    """Columns of the split map for all samples of packed clips, and whether each was rejected."""
    clips = clipset.clips.loc[clipset.samples["clip"], ["subject", "action", "camera"]].reset_index(drop=True)
    samples = clipset.samples[["source", "rejected"]].reset_index(drop=True)
    return samples.assign(target=samples.source.map(target_name), **clips)


def write_split(folder: Path, table: "pd.DataFrame", parts: dict[str, str]) -> None:
    """Write the split map and the parts of all takes into a folder; each file appears whole or not at all."""
    import pandas as pd

    schema.check(table, "split_map", folder / MAP_FILE)
    replace_text(folder / MAP_FILE, json.dumps(table.to_dict("records"), indent=1) + "\n")
    takes = pd.DataFrame({"take": list(parts), "part": list(parts.values())})
    schema.write_table(takes, folder / PARTS_FILE, "parts")


def read_split_map(path: Path) -> "pd.DataFrame":
    """Read a split map, ours or a published one, which may lack `split_val`; UserError where it breaks its contract."""
    import pandas as pd

    try:
        table = pd.DataFrame(read_json(path, None))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run `dvc repro split`") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not readable as a JSON list of samples ({error})") from None
    if "split_val" not in table and "split_test" in table:
        table.insert(table.columns.get_loc("split_test"), "split_val", False)  # type: ignore[arg-type]
    return schema.check(table, "split_map", path)


def read_parts(folder: Path) -> dict[str, list[str]]:
    """Takes of each part, in the order of the table; a part without takes is an empty list."""
    table = schema.read_table(folder / PARTS_FILE, "parts")
    return {part: table["take"][table.part == part].tolist() for part in PARTS}


def split_report(clipset: ClipSet, parts: dict[str, str], told: list[str]) -> dict[str, Any]:
    """Takes, clips, samples and frames of each part; samples and frames without rejected segments."""

    def counts(part: str) -> dict[str, int]:
        takes = [take for take in clipset.takes.index if parts[take] == part]
        clips = clipset.clips[clipset.clips["take"].isin(takes)]
        samples = clipset.samples[clipset.samples["clip"].isin(clips.index) & ~clipset.samples.rejected]
        return {
            "takes": len(takes),
            "motion_only_takes": int((~clipset.takes.loc[takes].has_landmarks).sum()),
            "clips": len(clips),
            "samples": len(samples),
            "detected_frames": int((clips.detected - clips.rejected_frames).sum()),
            "truth_frames": int(clipset.takes.loc[takes].frames.sum()),
        }

    return {part: counts(part) for part in PARTS} | {"notices": told}
