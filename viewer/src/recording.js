// A scene as the page holds it. Positions are metres, y up; a figure's points are whole numbers in base64:
// position = middle + number * step, -32768 where a point is not seen. Numbers are read when they are drawn.
const NOT_SEEN = -32768;

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

// Points over frames, with one, two or three numbers each.
export class Track {
  constructor({ data, middle, step }, points) {
    Object.assign(this, { middle, step, points, dimensions: middle.length });
    this.numbers = new DataView(bytesOf(data).buffer);
  }

  // Puts a point into `out`, an array; false where it is not seen.
  read(frame, point, out) {
    const start = 2 * this.dimensions * (frame * this.points + point);
    if (this.numbers.getInt16(start, true) === NOT_SEEN) return false;
    for (let d = 0; d < this.dimensions; d++) {
      out[d] = this.middle[d] + this.step * this.numbers.getInt16(start + 2 * d, true);
    }
    return true;
  }

  // Puts the middle of points into `out`; false, and `out` as it was, where one of them is not seen.
  readMiddle(frame, points, out) {
    const places = points.map(() => Array(this.dimensions).fill(0));
    if (!points.every((point, n) => this.read(frame, point, places[n]))) return false;
    for (let d = 0; d < this.dimensions; d++) out[d] = places.reduce((sum, place) => sum + place[d], 0) / points.length;
    return true;
  }

  // Whether any point is seen in any frame.
  anything() {
    for (let start = 0; start < this.numbers.byteLength; start += 2 * this.dimensions) {
      if (this.numbers.getInt16(start, true) !== NOT_SEEN) return true;
    }
    return false;
  }

  // A point's first number, NaN where it is not seen.
  value(frame, point) {
    const number = this.numbers.getInt16(2 * this.dimensions * (frame * this.points + point), true);
    return number === NOT_SEEN ? NaN : this.middle[0] + this.step * number;
  }
}

// Everything that a viewer shows, from the JSON of its element.
export class Recording {
  constructor(json) {
    Object.assign(this, JSON.parse(json));
    for (const figure of this.figures) {
      figure.shown = true;
      figure.space = new Track(figure.position, figure.points);
      figure.flat = figure.pixel && new Track(figure.pixel, figure.points);
      for (const graph of figure.graphs) graph.track = new Track(graph.value, graph.joints);
      figure.inSpace = figure.space.anything();
      // What was decoded is not needed as text any more.
      figure.position = figure.pixel = null;
    }
  }

  // The text on a frame, empty if there is none. Stretches are in order: [first frame, frame after the last, text].
  note(frame) {
    let [low, high] = [0, this.notes.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.notes[middle][1] <= frame) low = middle + 1;
      else high = middle;
    }
    return low < this.notes.length && this.notes[low][0] <= frame ? this.notes[low][2] : "";
  }

  // The recording's own number of a frame, and its second.
  number(frame) {
    return this.first_frame + frame * this.stride;
  }

  second(frame) {
    return this.first_second + frame / this.fps;
  }
}
