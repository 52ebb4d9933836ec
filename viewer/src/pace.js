// How finely a playing picture is drawn: with fewer pixels where pictures come late, with all of them once it stands still.
export const SHARES = [1, 0.7, 0.5];              // of the pixels of width and height
const [LATE_MS, COUNTED] = [30, 12];

export class Pace {
  constructor() {
    Object.assign(this, { step: 0, intervals: [] });
  }

  get share() {
    return SHARES[this.step];
  }

  // Milliseconds from one picture to the next; if the middle one of some is late, the next are coarser.
  passed(interval) {
    this.intervals.push(interval);
    if (this.intervals.length < COUNTED) return;
    const middle = this.intervals.sort((a, b) => a - b)[COUNTED >> 1];
    this.intervals = [];
    if (middle > LATE_MS && this.step + 1 < SHARES.length) this.step++;
  }

  // The picture stands still: a finer one is tried when it goes on, for what made it late may be over.
  rest() {
    this.intervals = [];
    this.step = Math.max(0, this.step - 1);
  }
}
