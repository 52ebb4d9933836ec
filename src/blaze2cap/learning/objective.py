"""What training makes small: the network's answers to a batch of windows, and their weighted loss."""

from collections.abc import Callable

from torch import Tensor, nn

from blaze2cap.body.motion import Motion
from blaze2cap.data.windows import Batch
from blaze2cap.learning.loss import LossParams, loss_sums, means, total
from blaze2cap.learning.model import PoseModel


class Objective(nn.Module):
    """A batch's weighted loss, and, for the curves only, its terms: one module, to be compiled or shared as a whole."""

    def __init__(
        self, model: PoseModel, weights: LossParams, over_all: Callable[[Tensor], Tensor] = lambda counts: counts
    ) -> None:
        super().__init__()
        self.model, self.weights, self.over_all = model, weights, over_all

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and terms; as the processes of a group have them, which add up to those of the whole batch."""
        prediction, truth, together, outlier = answered(self.model, batch)
        sums = loss_sums(prediction, truth, batch.offset, together, outlier, batch.root_known)
        terms = means(sums, self.over_all)
        return total(terms, self.weights), {name: term.detach() for name, term in terms.items()}


def answered(model: PoseModel, batch: Batch) -> tuple[Motion, Motion, Tensor, Tensor]:
    """Predicted and true motion and frames that follow the one before, of the frames answered; and their outliers, with
    those of the frame before them.
    """
    frames = batch.landmarks.shape[1] - 1
    times = batch.dt[:, None].expand(-1, frames)
    state = model.start(len(batch.dt), before=batch.landmarks[:, 0])
    prediction, _ = model(batch.landmarks[:, 1:], batch.intrinsics, times, state)
    early = slice(None), slice(0, frames - model.params.delay_frames)
    late = slice(None), slice(model.params.delay_frames, None)
    outlier = batch.outlier[:, : frames - model.params.delay_frames + 1]
    return prediction.at(*late), batch.truth().at(*early), batch.together()[early], outlier
