"""A checkpoint stands alone, loads strictly, runs no code, and a bad one ends in a sentence."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from tiny import bones, tiny_clipset

from blaze2cap.errors import UserError
from blaze2cap.learning import checkpoint as checkpoint_module
from blaze2cap.learning.baseline import Baselines
from blaze2cap.learning.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from blaze2cap.learning.model import ModelParams, PoseModel

CLIPSET = tiny_clipset()
CLIP = "S1/freestyle1/cam2"


def checkpoint(**changes: object) -> Checkpoint:
    torch.manual_seed(0)
    model = PoseModel(ModelParams(width=16, layers=2, heads=2, feed_forward=16, look_back=4, **changes))  # type: ignore[arg-type]
    identity = torch.eye(3).repeat(21, 1, 1)
    baselines = Baselines(
        filter=torch.tensor([1.0, 0.5]), correction=identity, mean_pose=identity.clone(), offset=bones()
    )
    return Checkpoint(
        model.eval(),
        baselines,
        {"source": "sample", "takes": {"train": ["S1/freestyle1"], "val": []}, "subjects": ["S1"]},
    )


def answer(of: Checkpoint) -> torch.Tensor:
    return of.system()(CLIPSET.clip_landmarks(CLIP), CLIPSET.camera_of(CLIP).intrinsics, 1.0).rotation


def test_what_is_loaded_answers_as_what_was_saved(tmp_path: Path) -> None:
    saved = checkpoint()
    save_checkpoint(tmp_path, saved)
    loaded = load_checkpoint(tmp_path)
    assert torch.equal(answer(loaded), answer(saved))
    assert loaded.provenance == saved.provenance
    assert torch.equal(loaded.baselines.offset, saved.baselines.offset)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.safetensors"]


def test_the_same_checkpoint_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_checkpoint(tmp_path / name, checkpoint())
    for file in ("model.json", "model.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_whoever_may_read_the_description_may_read_the_weights(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, checkpoint())
    text, weights = ((tmp_path / name).stat().st_mode for name in ("model.json", "model.safetensors"))
    assert weights == text


def test_a_network_kept_in_half_precision_answers_almost_alike(tmp_path: Path) -> None:
    saved = checkpoint()
    for folder, dtype in (("half", torch.float16), ("full", torch.float32)):
        save_checkpoint(tmp_path / folder, saved, dtype)
    half, full = ((tmp_path / folder / "model.safetensors").stat().st_size for folder in ("half", "full"))
    assert half < 0.6 * full
    loaded = load_checkpoint(tmp_path / "half")
    assert loaded.model.root_head.weight.dtype is torch.float32
    assert torch.equal(loaded.baselines.correction, saved.baselines.correction)
    assert not torch.equal(answer(loaded), answer(saved))
    torch.testing.assert_close(answer(loaded), answer(saved), atol=5e-3, rtol=0)


@pytest.mark.parametrize("backbone", ["tcn", "recurrent", "frame"])
def test_every_backbone_is_loaded_as_itself(backbone: str, tmp_path: Path) -> None:
    saved = checkpoint(backbone=backbone)
    save_checkpoint(tmp_path, saved)
    assert torch.equal(answer(load_checkpoint(tmp_path)), answer(saved))


def test_a_model_with_look_ahead_answers_for_the_frame_itself() -> None:
    system = checkpoint(delay_frames=3).system()
    landmarks = CLIPSET.clip_landmarks(CLIP)
    motion = system(landmarks, CLIPSET.camera_of(CLIP).intrinsics, 1.0)
    assert motion.valid.tolist() == CLIPSET.clip_detected(CLIP).tolist()


def test_faults_end_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"model\.json: not found; a checkpoint is a folder"):
        load_checkpoint(tmp_path)
    save_checkpoint(tmp_path, checkpoint())
    description = json.loads((tmp_path / "model.json").read_text())

    (tmp_path / "model.json").write_text(json.dumps(description | {"format": 99}))
    with pytest.raises(UserError, match="checkpoint format 99, this version reads 2"):
        load_checkpoint(tmp_path)

    other = description | {"model": description["model"] | {"width": 32}}
    (tmp_path / "model.json").write_text(json.dumps(other))
    with pytest.raises(UserError, match="weights and description do not fit together"):
        load_checkpoint(tmp_path)

    (tmp_path / "model.json").write_text(json.dumps(description | {"model": description["model"] | {"wings": 2}}))
    with pytest.raises(UserError, match="wings"):
        load_checkpoint(tmp_path)

    (tmp_path / "model.json").write_text(json.dumps(description | {"provenance": {"takes": {"train": [], "val": []}}}))
    with pytest.raises(UserError, match="subjects"):
        load_checkpoint(tmp_path)

    (tmp_path / "model.json").write_text(json.dumps(description))
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(UserError, match="not a readable checkpoint"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("changes", [{}, {"delay_frames": 3}, {"backbone": "transformer"}], ids=str)
def test_hours_are_answered_in_pieces_as_in_one_go(changes: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the pieces' length, a gap and its anchor at their seams included; the last piece may be a frame."""
    delayed = checkpoint(**changes)
    whole = answer(delayed)
    for frames in (1, 7, 70, len(whole) + delayed.model.params.delay_frames - 1):
        monkeypatch.setattr(checkpoint_module, "_FRAMES_AT_ONCE", frames)
        torch.testing.assert_close(answer(delayed), whole, rtol=0, atol=2e-5)


def test_new_weights_never_stand_beside_the_old_description(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(tmp_path, checkpoint())
    replace, seen = Path.replace, []

    def watched(self: Path, target: Path) -> Path:
        seen.append({path.name for path in tmp_path.iterdir() if path.is_file()})
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    other = checkpoint()
    torch.nn.init.ones_(next(other.model.parameters()))
    save_checkpoint(tmp_path, dataclasses.replace(other, provenance=other.provenance | {"subjects": ["S2"]}))
    assert seen == 2 * [{"model.safetensors"}]


@pytest.mark.parametrize("place", [300, -1])
def test_a_flipped_bit_of_the_weights_is_told(place: int, tmp_path: Path) -> None:
    save_checkpoint(tmp_path, checkpoint())
    weights = bytearray((tmp_path / "model.safetensors").read_bytes())
    header = 8 + int.from_bytes(weights[:8], "little")
    weights[header + place if place >= 0 else place] ^= 0x10
    (tmp_path / "model.safetensors").write_bytes(weights)
    with pytest.raises(UserError, match=r"not the weights that model\.json was written with"):
        load_checkpoint(tmp_path)


def test_weights_of_another_checkpoint_are_told(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "one", checkpoint())
    other = checkpoint()
    torch.nn.init.ones_(next(other.model.parameters()))
    save_checkpoint(tmp_path / "two", other)
    (tmp_path / "two" / "model.safetensors").replace(tmp_path / "one" / "model.safetensors")
    with pytest.raises(UserError, match="damaged or of another"):
        load_checkpoint(tmp_path / "one")
