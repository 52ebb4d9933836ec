// node run.mjs MODEL.onnx LANDMARKS.json [FPS]: joint positions [m] of every frame, as JSON; 25 x 7 numbers a frame, at 60 Hz.
import { readFile } from "node:fs/promises";
import * as ort from "onnxruntime-web";
import { Stream } from "./stream.mjs";

const [model, landmarks, fps = "60"] = process.argv.slice(2);
const stream = new Stream(ort, await ort.InferenceSession.create(await readFile(model)));
const positions = [];
for (const frame of JSON.parse(await readFile(landmarks))) {
  const { joint_position } = await stream.push(frame, 1 / Number(fps));
  positions.push(Array.from(joint_position.data));
}
console.log(JSON.stringify(positions));
