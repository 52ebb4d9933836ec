"""A live session as it is asked for: checked, opened, run, and what it recorded written, however it ends."""

import math
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

from blaze2cap.data.field_of_view import camera_intrinsics, require_field_of_view
from blaze2cap.errors import UserError, printable
from blaze2cap.runtime.animation import require_height, require_tilt
from blaze2cap.runtime.causal_world import CausalWorld
from blaze2cap.runtime.finishing.chain import Finishing, FinishingParams
from blaze2cap.runtime.live import LiveMotion, Output, run_live
from blaze2cap.runtime.live_capture import PlayedVideo, Source, capturing
from blaze2cap.runtime.live_preview import Preview, require_display
from blaze2cap.runtime.live_recording import Recording
from blaze2cap.runtime.live_status import LiveStatus
from blaze2cap.runtime.motion_files import WRITERS, require_bones
from blaze2cap.runtime.open_network import Runtime, open_network
from blaze2cap.runtime.osc import OscOutput, OscSender, find_destination
from blaze2cap.runtime.pose_model import PoseModel, find_pose_model
from blaze2cap.runtime.side_guard import SideGuard
from blaze2cap.runtime.streamer import Streamer
from blaze2cap.runtime.vmc import VmcOutput
from blaze2cap.runtime.whole_file import require_writable
from blaze2cap.stop_request import StopRequest, stopped_by_signals


@dataclass(frozen=True, kw_only=True)
class LiveSettings:
    """What a session is asked for; what is None is estimated, or left out.

    source             number of a camera, or a video to play in real time
    vmc, osc           HOST:PORT to send to
    record, skeleton   files to write at the end, and the bones that animation files get
    checkpoint         its folder or exported file, or what `chosen_checkpoint` finds; `runtime` runs it
    most_s             the longest time to run [s]
    smooth             a low-pass over the motion, too
    raw                motion as the network has it, neither guarded nor finished
    """

    source: int | Path
    pose_model: str = "full"
    checkpoint: Path | None = None
    runtime: Runtime | None = None
    field_of_view_deg: float | None = None
    camera_tilt_deg: float | None = None
    subject_height_m: float | None = None
    vmc: str | None = None
    mirror: bool = False
    osc: str | None = None
    record: tuple[Path, ...] = ()
    skeleton: str | None = None
    most_s: float | None = None
    preview: bool = False
    smooth: bool = False
    raw: bool = False


def run_session(settings: LiveSettings) -> None:
    """Run until the source ends, the time is over, the preview is closed, or a signal asks for the end.

    UserError for what is asked for and cannot be, before the camera is opened, and where the source breaks off; what
    was recorded until then is written.
    """
    _require_possible(settings)
    with ExitStack() as opened:
        outputs, senders = _connected(settings, opened)
        pose_model = find_pose_model(settings.pose_model)
        network = open_network(settings.checkpoint, settings.runtime)
        recording = Recording(settings.record, settings.skeleton)
        stop = opened.enter_context(stopped_by_signals())
        source = _source(settings.source)
        to = "".join(f", to {sender.destination.name}" for sender in senders)
        _say(f"{source.name}, {source.width} x {source.height} at {source.fps:g} per second{to}; Ctrl-C ends it")
        intrinsics = camera_intrinsics(source.width, source.height, settings.field_of_view_deg)
        streamer = Streamer(network, intrinsics, fps=source.fps)
        world = CausalWorld(camera_tilt_deg=settings.camera_tilt_deg, subject_height_m=settings.subject_height_m)
        if settings.record:
            outputs.append(recording)
        broken: Exception | None = None
        try:
            _run(settings, source, pose_model, streamer, world, outputs, senders, stop)
        except Exception as error:
            broken = error
        for notice in source.notices:
            _say(notice)
        if settings.record:
            _write(recording, source.fps, world, broken)
        if broken is not None:
            raise broken


def _require_possible(settings: LiveSettings) -> None:
    """UserError for what can be told without opening anything."""
    checks = (
        (settings.field_of_view_deg, require_field_of_view),
        (settings.camera_tilt_deg, require_tilt),
        (settings.subject_height_m, require_height),
    )
    for value, require in checks:
        if value is not None:
            require(value)
    if settings.most_s is not None and math.isnan(settings.most_s):
        raise UserError("--seconds is nan, expected a number of seconds")
    require_bones(settings.skeleton, settings.record)
    for number, path in enumerate(settings.record):
        if path.suffix.lower() not in WRITERS:
            raise UserError(f"{path}: cannot write {path.suffix or 'a name without suffix'}; use {', '.join(WRITERS)}")
        if path.resolve() in [other.resolve() for other in settings.record[:number]]:
            raise UserError(f"{path} is named twice; name each file once")
        require_writable(path)
    if settings.preview:
        require_display()


def _connected(settings: LiveSettings, opened: ExitStack) -> tuple[list[Output], list[OscSender]]:
    """What frames are sent to, and through which sockets; closed with `opened`."""
    outputs: list[Output] = []
    senders: list[OscSender] = []
    for name, option in ((settings.vmc, "--vmc"), (settings.osc, "--osc")):
        if name is not None:
            sender = opened.enter_context(closing(OscSender(find_destination(name, option))))
            senders.append(sender)
            outputs.append(VmcOutput(sender, mirror=settings.mirror) if option == "--vmc" else OscOutput(sender))
    return outputs, senders


def _source(source: int | Path) -> Source:
    if isinstance(source, Path):
        return PlayedVideo(source)
    from blaze2cap.runtime.camera import Camera

    return Camera(source)


def _run(
    settings: LiveSettings,
    source: Source,
    pose_model: PoseModel,
    streamer: Streamer,
    world: CausalWorld,
    outputs: Sequence[Output],
    senders: Sequence[OscSender],
    stop: StopRequest,
) -> None:
    from blaze2cap.runtime.pose_detector import PoseDetector

    with (
        PoseDetector(pose_model) as detector,
        closing(Preview()) as preview,
        capturing(source) as newest,
    ):
        finishing = Finishing(world.offset, FinishingParams(low_pass=settings.smooth))
        guard, finish = (None, None) if settings.raw else (SideGuard(), finishing)
        motion = LiveMotion(detector.detect, streamer, world, guard, finish)
        status = LiveStatus(time.perf_counter)
        try:
            run_live(
                newest,
                motion,
                outputs,
                status,
                stop,
                view=preview if settings.preview else None,
                trouble=lambda: ", ".join(filter(None, map(_unsent, senders))),
                most_s=settings.most_s,
            )
        finally:
            _say(status.summary(newest.dropped))
            for trouble in filter(None, map(_unsent, senders)):
                _say(trouble)
            if detector.most_others:
                _say(f"up to {detector.most_others} others were in view; the largest person was followed")


def _unsent(sender: OscSender) -> str:
    if not sender.unsent:
        return ""
    return f"{sender.unsent} frames not sent to {sender.destination.name} ({sender.reason})"


def _write(recording: Recording, fps: float, world: CausalWorld, broken: Exception | None) -> None:
    """Write what was recorded; where something else has broken the session, that is what the user is to be told."""
    names = ", ".join(map(str, recording.paths))
    _say(f"writing {names}")
    try:
        animation = recording.write(fps, world.end, world.camera_tilt_deg)
    except UserError as error:
        if broken is None:
            raise
        _say(str(error))
        return
    if recording.left_out:
        _say(f"{names}: full after {recording.frames} frames, {recording.left_out} that came later are not in it")
    frames, unseen = len(animation.valid), int((~animation.valid).sum())
    held = f", {unseen} of them with nobody in view" if unseen else ""
    print(f"{printable(names)}: {frames} frames at {animation.fps:g} per second{held}")


def _say(text: str) -> None:
    with suppress(OSError):  # whoever read it has ended, as `tee` does at Ctrl-C: no reason to lose a recording
        print(f"blaze2cap live: {text}", file=sys.stderr, flush=True)
