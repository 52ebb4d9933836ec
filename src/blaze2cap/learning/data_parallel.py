"""One training in several processes, each with a device of its own and a part of every batch (data parallelism).

`runtime.devices` starts them on this machine; under `torchrun`, which may span machines, its processes are taken.
"""

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import torch
from torch import Tensor, distributed

from blaze2cap.data.parallel import end_with_parent
from blaze2cap.errors import UserError


@dataclass(frozen=True)
class Group:
    """The processes of a training, and which of them this is. The first one writes; `local` counts on one machine."""

    rank: int = 0
    size: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether this process is the one that validates, writes and tells."""
        return self.rank == 0

    def part(self, batch: int) -> range:
        """The windows of a batch that are this process's.

        Raises UserError where the batch cannot be shared evenly.
        """
        if batch % self.size:
            raise UserError(
                f"train.batch is {batch}, which {self.size} processes cannot share evenly; "
                f"take {batch + self.size - batch % self.size}, or other runtime.devices"
            )
        share = batch // self.size
        return range(self.rank * share, (self.rank + 1) * share)

    def device(self, device: torch.device) -> torch.device:
        """This process's own device of that kind.

        Raises UserError where the machine has too few.
        """
        if device.type != "cuda" or self.size == 1:
            return device
        if self.local >= torch.cuda.device_count():
            raise UserError(
                f"runtime.devices asks for GPU {self.local + 1} of this machine, which has "
                f"{torch.cuda.device_count()}; lower it"
            )
        return torch.device("cuda", self.local)

    def sum(self, numbers: Tensor) -> Tensor:
        """The sum over all processes."""
        if self.size > 1:
            distributed.all_reduce(numbers := numbers.detach().clone())
        return numbers

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            distributed.barrier()


ALONE = Group()
Work = Callable[[Group], None]
"""What each process does; can be pickled."""


def in_processes(devices: int, device: torch.device, work: Work) -> None:
    """Do the work in `devices` processes, or in those of the `torchrun` that has started this one.

    Raises UserError as the first process did that raised it, or where one was killed; the others are ended then.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ:
        group = Group(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")))
        with _joined(group, device, "env://"):
            work(group)
    elif devices == 1:
        work(ALONE)
    else:
        _spawn(devices, device, work)


def _spawn(devices: int, device: torch.device, work: Work) -> None:
    from torch.multiprocessing.spawn import ProcessExitedException, start_processes

    said = multiprocessing.get_context("spawn").SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        meeting = (Path(folder) / "meeting").as_uri()
        try:
            # Ends the others when one ends badly.
            start_processes(_process, (devices, device, meeting, said, work), nprocs=devices)
        except ProcessExitedException as error:
            if not said.empty():
                raise UserError(said.get()) from None
            raise UserError(
                f"process {error.error_index + 1} of runtime.devices = {devices} was killed, most likely for lack of "
                "memory; run the same command again, it goes on where this run stood"
            ) from None


def _process(
    rank: int,
    devices: int,
    device: torch.device,
    meeting: str,
    said: "SimpleQueue[str]",
    work: Work,
) -> None:
    end_with_parent()
    group = Group(rank, devices, rank)
    try:
        with _joined(group, device, meeting):
            work(group)
    except UserError as error:
        said.put(str(error))
        raise SystemExit(1) from None


@contextmanager
def _joined(group: Group, device: torch.device, meeting: str) -> Iterator[None]:
    """Inside, the processes of a group can speak to each other."""
    own = group.device(device)
    if own.type == "cuda":
        torch.cuda.set_device(own)
    distributed.init_process_group(
        "nccl" if own.type == "cuda" else "gloo", init_method=meeting, rank=group.rank, world_size=group.size
    )
    yield
    # Not where an error left it: a process that leaves while others wait for it would hang, too.
    distributed.destroy_process_group()
