// Which frame it is: time runs while playing, at a speed, and begins again at the end or stops there.
export const SPEEDS = [0.1, 0.25, 0.5, 1, 2];

export class Clock {
  constructor(frames, fps) {
    Object.assign(this, { frames, fps, frame: 0, time: 0, speed: 1, loop: true, playing: false });
  }

  play(playing) {
    if (playing && !this.loop && this.frame === this.frames - 1) this.seek(0);
    this.playing = playing;
  }

  seek(frame) {
    this.frame = Math.min(this.frames - 1, Math.max(0, Math.round(frame)));
    // The middle of the frame, so that rounding shows no other one.
    this.time = (this.frame + 0.5) / this.fps;
  }

  // Moves on by so many seconds of the day; true if another frame is due.
  advance(seconds) {
    const before = this.frame;
    const length = this.frames / this.fps;
    this.time += seconds * this.speed;
    if (this.time >= length && !this.loop) {
      this.seek(this.frames - 1);
      this.playing = false;
    } else {
      this.time %= length;
      this.frame = Math.min(this.frames - 1, Math.floor(this.time * this.fps));
    }
    return this.frame !== before;
  }

  // The next speed up (1) or down (-1).
  change(direction) {
    const place = SPEEDS.indexOf(this.speed) + direction;
    this.speed = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, place))];
  }
}
