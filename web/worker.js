// A classic worker, as LiteRT.js loads its build by `importScripts`; all else is in modules.

const office = import("./office.js");
addEventListener("message", async ({ data }) => {
  try {
    (await office).receive(data);
  } catch (error) {
    setTimeout(() => {
      throw error; // ends this worker: the page begins another one
    });
  }
});
