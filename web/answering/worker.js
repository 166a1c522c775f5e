// Answers for the live camera, in a worker of their own, so that no frame waits for them.

// Listens before its modules are there: they wait for `page.json`, and a browser may drop what nobody listens to.
const modules = Promise.all([import("./answer.js"), import("../blazepose/landmarks.js")]);
addEventListener("message", async ({ data: { prediction, arrays } }) => {
  try {
    const [{ findSegments }, { Landmarks }] = await modules;
    const landmarks = Object.assign(new Landmarks(0), arrays);
    postMessage({ segments: findSegments({ ...prediction, landmarks }) });
  } catch (error) {
    postMessage({ problem: String(error) });
  }
});
