// Laws of the viewer's reckoning; what is drawn is tested in a browser, by tests/test_viewer.py.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock } from "../src/clock.js";
import { axisOf, trace } from "../src/curve.js";
import { listen } from "../src/keys.js";
import { Pace, SHARES } from "../src/pace.js";
import { Recording, Track } from "../src/recording.js";
import { ribbon } from "../src/ribbon.js";

const packed = (numbers, middle, step) => ({ data: Buffer.from(Int16Array.from(numbers).buffer).toString("base64"), middle, step });

function recording(notes) {
  const figure = { name: "a", points: 1, position: packed([0, 0, 0], [0, 0, 0], 1), pixel: null, graphs: [] };
  return new Recording(JSON.stringify({ figures: [figure], frames: 1, notes, first_frame: 100, stride: 2, first_second: 5, fps: 30 }));
}

test("a note holds for its stretch of frames and no other", () => {
  const { notes } = { notes: [[2, 5, "gone"], [5, 6, "other"], [90, 100, "end"]] };
  const shown = recording(notes);
  const expected = (frame) => notes.find(([start, end]) => start <= frame && frame < end)?.[2] ?? "";
  for (let frame = 0; frame < 105; frame++) assert.equal(shown.note(frame), expected(frame));
});

test("frames have the numbers and times of the recording", () => {
  assert.equal(recording([]).number(3), 106);
  assert.equal(recording([]).second(3), 5.1);
});

test("a second at speed s shows s seconds of frames, and then begins again or stops", () => {
  const clock = new Clock(60, 30);
  clock.speed = 0.5;
  clock.play(true);
  for (let n = 0; n < 51; n++) clock.advance(0.02);
  assert.equal(clock.frame, 15);
  clock.advance(3.2);
  assert.equal(clock.frame, 3);
  clock.loop = false;
  clock.advance(10);
  assert.deepEqual([clock.frame, clock.playing], [59, false]);
  clock.play(true);
  assert.equal(clock.frame, 0);
});

test("a frame that is gone to is the one that is shown, at any rate", () => {
  for (const fps of [23.976, 29.97, 59.94, 60]) {
    const clock = new Clock(10000, fps);
    for (let frame = 0; frame < 10000; frame += 37) {
      clock.seek(frame);
      clock.advance(0);
      assert.equal(clock.frame, frame);
    }
  }
});

test("an axis holds its curves between round numbers", () => {
  const axis = axisOf([[3, NaN, 17], [8]]);
  assert.deepEqual(axis, { low: 0, high: 20, ticks: [0, 5, 10, 15, 20] });
  assert.equal(axisOf([[NaN], []]), null);
  const flat = axisOf([[5, 5]]);
  assert.ok(flat.low <= 5 && flat.high > flat.low && flat.high >= 5);
  assert.deepEqual(axisOf([[0]]), { low: 0, high: 0.05, ticks: [0, 0.05] });
});

test("a line keeps its extremes however many frames share a column, and breaks at gaps", () => {
  const curve = Float32Array.from({ length: 10000 }, (_, frame) => (frame === 7321 ? 99 : frame === 42 ? -99 : Math.sin(frame)));
  curve.fill(NaN, 3000, 4000);
  const [drawn, starts] = [[], []];
  trace(curve, 100, (x, value) => { starts.push(x); drawn.push(value); }, (_, value) => drawn.push(value));
  assert.equal(Math.max(...drawn), 99);
  assert.equal(Math.min(...drawn), -99);
  assert.deepEqual(starts, [0.5, 40.5]);
  assert.ok(drawn.length <= 200);
});

test("a frame by itself is a dot, a line that is as good as without length", () => {
  for (const curve of [[7], [NaN, 7, NaN, 8, 9]]) {
    const drawn = [];
    trace(curve, 100, (x) => drawn.push([x]), (x) => drawn.at(-1).push(x));
    const [from, to, ...more] = drawn[0];
    assert.ok(to > from && to - from < 0.1 && more.length === 0);
  }
});

test("late pictures are drawn with fewer pixels, a few late ones are not, and standing still brings finer ones", () => {
  const pace = new Pace();
  const go = (count, interval) => { for (let n = 0; n < count; n++) pace.passed(interval(n)); };
  go(200, () => 17);
  go(200, (n) => (n % 4 ? 17 : 90));
  assert.equal(pace.share, 1);
  go(12, () => 45);
  assert.equal(pace.share, SHARES[1]);
  go(500, () => 45);
  assert.equal(pace.share, SHARES.at(-1));
  go(500, () => 17);
  assert.equal(pace.share, SHARES.at(-1));
  pace.rest();
  assert.equal(pace.share, SHARES.at(-2));
});

test("a bracket by AltGr, told as Ctrl and Alt, is a key; a shortcut of the browser is none", () => {
  const asked = [];
  let press;
  const viewer = { clock: {}, space: {}, graph: {}, recording: { fps: 30, figures: [] }, speed: (step) => asked.push(step) };
  listen({ addEventListener: (_, handle) => { press = handle; } }, viewer);
  const keydown = (held) => {
    const given = { key: "[", ctrlKey: false, altKey: false, metaKey: false, target: {}, preventDefault() {}, ...held };
    press({ ...given, getModifierState: (name) => name === "AltGraph" && Boolean(held.altGraph) });
    return asked.length;
  };
  assert.equal(keydown({}), 1);
  assert.equal(keydown({ ctrlKey: true, altKey: true, altGraph: true }), 2);
  for (const held of [{ ctrlKey: true }, { altKey: true }, { metaKey: true }, { metaKey: true, altGraph: true }]) assert.equal(keydown(held), 2);
  assert.deepEqual(asked, [-1, -1]);
});

test("a way is that of the middle of a figure's root, and breaks where a part of it is not seen", () => {
  // Three points over three frames: one that nods aside, and two that go ahead.
  const numbers = [50, 0, 0, -1, 0, 0, 1, 0, 0, -50, 0, 0, -1, 0, 20, 1, 0, 20, 50, 0, 0, -1, 0, 40, -32768, -32768, -32768];
  const space = new Track(packed(numbers, [0, 0, 0], 0.01), 3);
  const place = [7, 7, 7];
  assert.ok(space.readMiddle(1, [1, 2], place) && Math.abs(place[0]) < 1e-12 && Math.abs(place[2] - 0.2) < 1e-12);
  assert.ok(!space.readMiddle(2, [1, 2], place) && Math.abs(place[2] - 0.2) < 1e-12);
  const { corners, behind } = ribbon({ space, root: [1, 2] }, 3);
  assert.deepEqual([...behind], [0, 1, 1]);
  for (let corner = 0; corner < 4; corner++) assert.ok(Math.abs(corners[3 * corner]) < 0.02);
});
