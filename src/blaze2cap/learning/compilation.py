"""`torch.compile` where it fails: in a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from blaze2cap.errors import UserError

_LONGEST = 200


@contextmanager
def compiling(wanted: bool) -> Iterator[None]:
    """Around each call of a compiled module and its backward pass, where torch compiles, and again for new shapes.

    Raises UserError where that fails inside, if compiling is `wanted` at all.
    """
    if not wanted:
        yield
        return
    from torch._dynamo.exc import TorchDynamoException  # seconds to import; torch.compile imports it, too

    try:
        yield
    except TorchDynamoException as error:
        # A backend's own error tells more than torch's first line around it.
        told = str(getattr(error, "inner_exception", error)).strip() or type(error).__name__
        raise UserError(
            f"train.compile is true, but torch.compile fails on this machine ({told.splitlines()[0][:_LONGEST]}); "
            "train without it (-S train.compile=false), or mend what it lacks, often a C compiler"
        ) from error
