// Numbers over frames as a line that fits into a picture: frames that share a column become its least and its greatest.

const FINEST = 0.1;                               // what the numbers beside a graph tell apart

// Least and greatest of all curves, as round numbers, and a few round numbers between them.
export function axisOf(curves) {
  let [low, high] = [Infinity, -Infinity];
  for (const curve of curves) {
    for (const value of curve) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) return null;
  const rough = Math.max(high - low, 1e-3 * Math.abs(high), FINEST) / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((times) => times * power >= rough);
  const [first, last] = [Math.floor(low / step), Math.ceil(high / step)];
  const count = Math.max(1, last - first);
  return { low: first * step, high: (first + count) * step, ticks: Array.from({ length: count + 1 }, (_, n) => (first + n) * step) };
}

// Calls `move(column, value)` where a line starts and `line(column, value)` where it goes on; NaN breaks it.
export function trace(curve, columns, move, line) {
  const frames = curve.length;
  const column = (frame) => (frames > 1 ? (frame * columns) / (frames - 1) : columns / 2);
  let broken = true;
  const go = (x, value) => {
    if (broken) move(x, value);
    // A frame by itself is a dot, which must have some length to be drawn.
    line(broken ? x + 0.01 : x, value);
    broken = false;
  };
  if (frames <= 2 * columns) {
    curve.forEach((value, frame) => {
      if (Number.isNaN(value)) broken = true;
      else go(column(frame), value);
    });
    return;
  }
  for (let x = 0; x < columns; x++) {
    const [start, end] = [Math.floor((x * frames) / columns), Math.floor(((x + 1) * frames) / columns)];
    let [least, greatest, whole] = [Infinity, -Infinity, true];
    for (let frame = start; frame < end; frame++) {
      if (Number.isNaN(curve[frame])) whole = false;
      if (curve[frame] < least) least = curve[frame];
      if (curve[frame] > greatest) greatest = curve[frame];
    }
    if (least <= greatest) {
      go(x + 0.5, least);
      go(x + 0.5, greatest);
    }
    if (!whole) broken = true;
  }
}
