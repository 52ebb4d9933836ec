"""From packed clips and their parts to a checkpoint: data, training run, baselines and provenance put together."""

import dataclasses
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import blaze2cap
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.parallel import RuntimeParams, cores_here, one_thread
from blaze2cap.data.windows import Windows
from blaze2cap.errors import UserError
from blaze2cap.learning.baseline import fit_baselines
from blaze2cap.learning.batches import TrainingData, TrainParams
from blaze2cap.learning.checkpoint import Checkpoint, save_checkpoint
from blaze2cap.learning.data_parallel import ALONE, Group
from blaze2cap.learning.device_memory import refuse_too_large
from blaze2cap.learning.loss import LossParams
from blaze2cap.learning.model import ModelParams
from blaze2cap.learning.precision import numbers_of
from blaze2cap.learning.resume import fingerprint, run_folder, sole_writer
from blaze2cap.learning.training import Row, Trainer

Report = Callable[[int, int, Row], None]
Fitted = tuple[Checkpoint, list[Row], Path]


@one_thread()
def fit(
    clips_folder: Path,
    parts: dict[str, list[str]],
    model_params: ModelParams,
    loss_params: LossParams,
    params: TrainParams,
    runtime: RuntimeParams,
    report: Report,
    group: Group = ALONE,
) -> Fitted:
    """Train on the takes of part "train", validate on those of "val".

    Returns the best checkpoint, the learning curves and the run's folder, in which the best and the last checkpoint
    stand too. A run that was killed continues from its folder's states, until
    `resume.finish` is called with that folder. Of a group of processes, the first one writes.
    Raises UserError where there is nothing to train on, the device is not there or too small, or training diverges.
    """
    clipset = ClipSet.load(clips_folder)
    takes = {part: parts.get(part, []) for part in ("train", "val")}
    if not takes["train"]:
        raise UserError("no take belongs to the training part; look at split.validation and split.exclude")
    parameters: dict[str, Any] = {
        name: dataclasses.asdict(section)
        for name, section in (("model", model_params), ("loss", loss_params), ("train", params))
    }
    device = group.device(runtime.torch_device())
    data = TrainingData(clipset, takes["train"], params)
    validation = Windows(clipset, takes["val"], params.window)
    seen_by = validation if len(validation.frames) else None
    # Before the hours, so that what cannot be fitted is told at once.
    baselines = fit_baselines(clipset, takes["train"])
    # After the data, which has loaded the last of the source files that count.
    files = [path for path in clips_folder.iterdir() if path.is_file()]
    numbers = numbers_of(params.precision, device)
    folder = run_folder(fingerprint({"parameters": parameters, "takes": takes, "numbers": numbers}, files))
    trainer = Trainer(data, seen_by, model_params, loss_params, params, device, group)
    told = refuse_too_large(trainer.memory(), params.batch, group.size, device)
    workers = min(runtime.workers, cores_here())
    if group.first:
        print(f"train: {told}", file=sys.stderr, flush=True)
        if takes["val"] and seen_by is None:
            print(
                f"train: no frame to validate on in {', '.join(takes['val'])[:200]}, so the last weights are kept; "
                "look at what preprocess says of them",
                file=sys.stderr,
            )
        if workers < runtime.workers:
            print(
                f"train: runtime.workers is {runtime.workers}; {workers} processes, one a core, make batches",
                file=sys.stderr,
            )
    with sole_writer(folder) if group.first else nullcontext():
        group.wait()
        best, last = trainer.run(folder, workers, report)

    provenance = {
        "version": blaze2cap.__version__,
        "parameters": parameters,
        "source": clipset.source,
        "takes": takes,
        "recorded": [take for take in takes["train"] if take in set(clipset.clips["take"])],
        "subjects": sorted({take.split("/")[0] for take in takes["train"]}),
        "steps": data.steps,
        "numbers": numbers,
    }
    checkpoint = Checkpoint(best, baselines, provenance)
    if group.first:
        save_checkpoint(folder / "best", checkpoint)
        save_checkpoint(folder / "last", Checkpoint(last, baselines, provenance))
    return checkpoint, trainer.curves, folder
