// Answers for the live camera, in a worker of their own, so that no frame waits for them.

import { findSegments } from "./answer.js";
import { Landmarks } from "../blazepose/landmarks.js";

addEventListener("message", ({ data: { frames, probabilities, arrays } }) => {
  const landmarks = Object.assign(new Landmarks(0), arrays);
  postMessage(findSegments({ frames, probabilities, landmarks }));
});
