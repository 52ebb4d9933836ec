"""Laws that hold for every encoder: causality, anchors, unseen frames, memory of fixed size, time, equal cost."""

from typing import Any

import pytest
import torch
from torch import Tensor

from blaze2cap.learning.backbone import Backbone, Memory, make_backbone
from blaze2cap.learning.model_params import ModelParams

INPUTS, WIDTH, FRAMES = 12, 16, 90
BACKBONES = ["transformer", "tcn", "recurrent", "frame"]


def small(name: str, **changes: int) -> Any:
    torch.manual_seed(5)
    sizes = {"width": WIDTH, "layers": 2, "heads": 2, "feed_forward": 24, "look_back": 6, **changes}
    return make_backbone(INPUTS, ModelParams(backbone=name, **sizes)).eval()  # type: ignore[arg-type, attr-defined]


@pytest.fixture(params=BACKBONES)
def backbone(request: pytest.FixtureRequest) -> Any:
    return small(request.param)


def frames(seed: int, batch: int = 2) -> dict[str, Tensor]:
    """Inputs, times, undetected frames 20-24 and 50, anchors at 0, 25, 51 and, in the second clip, 70."""
    generator = torch.Generator().manual_seed(seed)
    detected = torch.ones(batch, FRAMES, dtype=torch.bool)
    detected[:, 20:25] = detected[:, 50] = False
    anchor = torch.zeros(batch, FRAMES, dtype=torch.bool)
    anchor[:, [0, 25, 51]] = True
    anchor[1:, 70] = True
    return {
        "x": torch.randn(batch, FRAMES, INPUTS, generator=generator),
        "dt": torch.randint(1, 4, (batch, FRAMES), generator=generator).float(),
        "detected": detected,
        "anchor": anchor,
    }


@torch.no_grad()
def encode(backbone: Any, given: dict[str, Tensor], sizes: list[int] | None = None) -> tuple[Tensor, Memory]:
    memory = backbone.start(len(given["x"]))
    parts = []
    for pieces in zip(*(tensor.split(sizes or [FRAMES], dim=1) for tensor in given.values()), strict=True):
        part, memory = backbone(*pieces, memory)
        parts.append(part)
    return torch.cat(parts, dim=1), memory


def test_streams_in_any_pieces_equal_the_whole(backbone: Any) -> None:
    given = frames(seed=1)
    whole, memory = encode(backbone, given)
    for sizes in ([1] * FRAMES, [64, 26], [2, 30, 1, 57], [FRAMES - 1, 1]):
        cut, memory_of_cut = encode(backbone, given, sizes)
        torch.testing.assert_close(cut, whole, atol=1e-5, rtol=0)
        assert [tensor.shape for tensor in memory_of_cut] == [tensor.shape for tensor in memory]


def test_memory_keeps_its_size_and_type_from_the_start(backbone: Any) -> None:
    _, after = encode(backbone, frames(seed=2))
    before = backbone.start(2)
    assert [(t.shape, t.dtype) for t in before] == [(t.shape, t.dtype) for t in after]


def test_memory_is_single_precision_under_autocast(backbone: Any) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, after = encode(backbone, frames(seed=2), [60, 30])
    assert [t.dtype for t in backbone.start(2)] == [t.dtype for t in after]


def test_later_frames_change_nothing(backbone: Any) -> None:
    given = frames(seed=3)
    whole, _ = encode(backbone, given)
    changed, _ = encode(backbone, given | {"x": torch.cat((given["x"][:, :80], -given["x"][:, 80:]), dim=1)})
    assert torch.equal(changed[:, :80], whole[:, :80])
    assert (changed[:, 80:] - whole[:, 80:]).abs().amax(-1).min() > 1e-3


def test_frames_before_an_anchor_change_nothing(backbone: Any) -> None:
    given = frames(seed=4)
    changed = given["x"].clone()
    changed[:, :51] *= 2
    torch.testing.assert_close(
        encode(backbone, given | {"x": changed})[0][:, 51:], encode(backbone, given)[0][:, 51:], atol=1e-6, rtol=0
    )


def test_undetected_frames_are_seen_by_no_other(backbone: Any) -> None:
    given = frames(seed=5)
    # Without the anchors that follow gaps, which would hide them anyway.
    given["anchor"][:, 1:] = False
    changed = given["x"].clone()
    changed[:, 20:25] += 3
    before, after = encode(backbone, given)[0], encode(backbone, given | {"x": changed})[0]
    others = torch.ones(FRAMES, dtype=torch.bool)
    others[20:25] = False
    torch.testing.assert_close(after[:, others], before[:, others], atol=1e-6, rtol=0)


def test_clips_of_a_batch_do_not_see_each_other(backbone: Any) -> None:
    given = frames(seed=6)
    together, _ = encode(backbone, given)
    for clip in (0, 1):
        alone, _ = encode(backbone, {name: tensor[clip : clip + 1] for name, tensor in given.items()})
        torch.testing.assert_close(alone, together[clip : clip + 1], atol=1e-5, rtol=0)


@pytest.mark.parametrize("look_back", [2, 3, 5, 8, 16, 17])
def test_convolutions_see_exactly_what_attention_would(look_back: int) -> None:
    fields = []
    for name in ("transformer", "tcn"):
        backbone = small(name, look_back=look_back)
        given = frames(seed=7)
        given["detected"][:], given["anchor"][:, 1:] = True, False
        changed = given["x"].clone()
        changed[:, 10] += 1
        moved = (encode(backbone, given)[0] - encode(backbone, given | {"x": changed})[0]).abs().amax((0, 2)) > 1e-7
        assert moved.nonzero().flatten().tolist() == list(range(10, 10 + backbone.receptive_field()))
        fields.append(backbone.receptive_field())
    assert fields == [2 * (look_back - 1) + 1] * 2


def test_a_recurrence_remembers_longer_than_any_window() -> None:
    backbone = small("recurrent", layers=1)
    given = {name: tensor[:1].repeat_interleave(3, dim=1) for name, tensor in frames(seed=8).items()}
    given["detected"][:], given["anchor"][:, 1:] = True, False
    changed = given["x"].clone()
    changed[:, :64] += 1
    with torch.no_grad():
        before, _ = backbone(*given.values(), backbone.start(1))
        after, _ = backbone(*(given | {"x": changed}).values(), backbone.start(1))
    assert (after - before)[:, -1].abs().max() > 1e-4


def test_a_recurrence_counts_time_not_frames() -> None:
    # Frames that show the same thing for twice the time weigh as two frames.
    backbone = small("recurrent", layers=1)
    x = torch.randn(1, 40, INPUTS, generator=torch.Generator().manual_seed(9))
    anchor = torch.zeros(1, 40, dtype=torch.bool)
    flags = torch.ones_like(anchor), anchor
    fine_flags = tuple(flag.repeat_interleave(2, dim=1) for flag in flags)
    with torch.no_grad():
        coarse, _ = backbone(x, torch.full((1, 40), 2.0), *flags, backbone.start(1))
        fine, _ = backbone(x.repeat_interleave(2, dim=1), torch.ones(1, 80), *fine_flags, backbone.start(1))
    torch.testing.assert_close(fine[:, 1::2], coarse, atol=1e-5, rtol=0)


def test_every_weight_is_learned(backbone: Any) -> None:
    given = frames(seed=12)
    out, _ = backbone(*given.values(), backbone.start(2))
    (out * torch.randn(out.shape, generator=torch.Generator().manual_seed(0))).sum().backward()
    assert [name for name, p in backbone.named_parameters() if not (p.grad.isfinite().all() and p.grad.any())] == []


def test_no_way_through_the_code_depends_on_the_data(backbone: Any) -> None:
    # Tensors of the device "meta" have no values; asking for one is an error.
    backbone = backbone.to("meta")
    given = {name: tensor.to("meta") for name, tensor in frames(seed=10).items()}
    out, _ = encode(backbone, given, [60, 30])
    assert out.shape == (2, FRAMES, WIDTH)


@pytest.mark.parametrize("name", [*BACKBONES, "none"])
def test_every_encoder_has_the_interface(name: str) -> None:
    encoder = small(name)
    assert isinstance(encoder, Backbone)
    assert encode(encoder, frames(seed=11))[0].shape == (2, FRAMES, WIDTH)


@pytest.mark.parametrize("name", BACKBONES)
def test_layers_of_all_kinds_have_the_same_weights_at_the_default_size(name: str) -> None:
    backbone: Any = make_backbone(INPUTS, ModelParams(backbone=name))  # type: ignore[arg-type]
    weights = sum(p.numel() for key, p in backbone.named_parameters() if key.startswith("layers.") and p.ndim == 2)
    assert weights == 4 * 8 * 256**2
