// The graphs, run by LiteRT.js: WebAssembly on one thread, which gives the same numbers on every device.

import { prepareGraph } from "./flatbuffer.js";

const BUILD = "../vendor/litert/litert_wasm_compat_internal.js";

let litert = null;

export const loadLiteRt = async () => {
  if (litert) return;
  const module = await import("../vendor/litert/index.js");
  const build = new URL(BUILD, import.meta.url).href;
  // Else it looks for its wasm beside the worker, and reports what it does as errors
  self.Module = { locateFile: (name) => new URL(name, build).href, print: console.debug, printErr: console.debug };
  await module.loadLiteRt(build);
  litert = module;
};

// `bytes` of a `.tflite`; `sizes` of the outputs that are wanted, all if not given.
export const openGraph = async (bytes, sizes) => {
  prepareGraph(bytes, sizes);
  return new Graph(await litert.loadAndCompile(bytes, { accelerator: "wasm" }));
};

class Graph {
  constructor(model) {
    this.model = model;
    this.inputs = model.getInputDetails();
    this.outputs = model.getOutputDetails();
  }

  // Float32Arrays in the order of the inputs, to those of the outputs by their name and by their number of values.
  async run(values) {
    const tensors = this.inputs.map(({ shape }, n) => new litert.Tensor(values[n], shape));
    try {
      const results = await this.model.run(tensors);
      const outputs = new Map();
      results.forEach((tensor, n) => {
        const data = tensor.toTypedArray();
        outputs.set(data.length, data).set(this.outputs[n].name, data);
        tensor.delete();
      });
      return outputs;
    } finally {
      tensors.forEach((tensor) => tensor.delete());
    }
  }
}
