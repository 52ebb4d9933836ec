"""Packed clips -> a folder in the published form (`published`): a pair of files for every sample, and the map."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from blaze2cap.data.atomic import replaced_folder
from blaze2cap.data.augment import Layout, source_name, target_name
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.parallel import parallel_map
from blaze2cap.data.published import DATASET_MAP_FILE, write_dataset_map
from blaze2cap.data.split import published_samples, split_map
from blaze2cap.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


class Exported(NamedTuple):
    """The map of what was written, and how many samples were not: the rejected ones."""

    table: "pd.DataFrame"
    rejected: int


class _Job(NamedTuple):
    packed: Path
    folder: Path
    names: dict[str, str]


def export_dataset(
    packed: Path, parts: dict[str, str], folder: Path, layout: Layout, workers: int | None = None
) -> Exported:
    """Write all samples of packed clips but rejected ones into `folder`, whole or not at all.

    `parts`: the part of each take. Raises UserError where the folder holds something, a take has no part, nothing is
    left to write or writing fails.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: is there and not an empty folder; name a new one")
    clipset = ClipSet.load(packed)
    unknown = [take for take in clipset.takes.index if take not in parts]
    if unknown:
        raise UserError(f"{packed}: take {unknown[0]} has no part in the split; run `dvc repro split`")
    samples = published_samples(clipset)
    rejected = samples.rejected.to_numpy(bool)
    if rejected.all():
        raise UserError(f"{packed}: all {len(samples)} samples are rejected, so there is nothing to export")
    names = _published_names(clipset, layout)
    samples = samples.assign(source=names.to_numpy(), target=names.map(target_name).to_numpy())
    table = split_map(samples[~rejected], parts)
    takes = clipset.samples["clip"].str.rsplit("/", n=1).str[0]
    with replaced_folder(folder.absolute()) as partial:
        jobs = [_Job(packed, partial, dict(chosen)) for _, chosen in names[~rejected].groupby(takes, sort=False)]
        parallel_map(_export, jobs, workers, "exporting takes")
        write_dataset_map(partial / DATASET_MAP_FILE, table, layout)
    return Exported(table, int(rejected.sum()))


def _published_names(clipset: ClipSet, layout: Layout) -> "pd.Series":
    """Source path in the layout of every sample, by its source in the index."""
    import pandas as pd

    samples = clipset.samples
    clips = clipset.clips.loc[samples["clip"]]
    columns = (clips.subject, clips.action, clips.camera, samples.segment, samples.stride, samples.offset)
    return pd.Series([source_name(*row, layout=layout) for row in zip(*columns, strict=True)], index=samples.index)


def _export(job: _Job) -> None:
    clipset = ClipSet.load(job.packed)
    for source, published in job.names.items():
        sample = clipset.sample(source)
        for name, array in ((published, sample.landmarks), (target_name(published), sample.slots)):
            path = job.folder / name
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                np.save(path, array.numpy(), allow_pickle=False)
            except OSError as error:
                raise UserError(f"{path}: could not be written ({error.strerror})") from None
