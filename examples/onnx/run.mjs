// node run.mjs MODEL.onnx LANDMARKS.json [FPS] [WIDTH HEIGHT] [FOV]: joint positions [m] of every frame, as JSON; 25 x 7 numbers
// a frame, at 60 Hz, of a camera with 1280 x 720 pixels and a horizontal field of view of 70 degrees where nothing else is told.
import { readFile } from "node:fs/promises";
import * as ort from "onnxruntime-web";
import { Stream } from "./stream.mjs";

const [model, landmarks, ...told] = process.argv.slice(2);
const [fps = 60, width = 1280, height = 720, fovDeg] = told.map(Number);
const stream = new Stream(ort, await ort.InferenceSession.create(await readFile(model)), { width, height, fovDeg });
const positions = [];
for (const frame of JSON.parse(await readFile(landmarks))) {
  const { joint_position } = await stream.push(frame, 1 / fps);
  positions.push(Array.from(joint_position.data));
}
console.log(JSON.stringify(positions));
