"""Batches on their way to the device, one ahead of the step that wants it."""

from collections.abc import Iterable, Iterator

import torch

from blaze2cap.data.windows import Batch


def on_device(batches: Iterable[Batch], device: torch.device) -> Iterator[Batch]:
    """The batches on the device; those in pinned memory travel to a GPU while it computes the step before."""
    if device.type != "cuda":
        yield from batches
        return
    way = torch.cuda.Stream(device)
    computing = torch.cuda.current_stream(device)
    ahead: Batch | None = None
    for batch in batches:
        with torch.cuda.stream(way):
            coming = batch.to(device)
        if ahead is not None:
            yield ahead
        computing.wait_stream(way)
        for part in coming:
            # Its memory is not given to the next one until the step that reads it is done.
            part.record_stream(computing)
        ahead = coming
    if ahead is not None:
        yield ahead
