// What of a `.tflite` must be changed before LiteRT.js takes it: in its tables, without a copy.

const read = (bytes) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const int = (at) => view.getInt32(at, true);
  const follow = (at) => at + int(at);
  // Where the vector in a table's field begins, with its length; null if the field is not there.
  const vector = (table, field) => {
    const offsets = table - int(table);
    const offset = 4 + 2 * field < view.getUint16(offsets, true) ? view.getUint16(offsets + 4 + 2 * field, true) : 0;
    if (!offset) return null;
    const begin = follow(table + offset);
    return { begin, values: Array.from({ length: int(begin) }, (_, n) => begin + 4 + 4 * n) };
  };
  return { view, int, follow, vector };
};

// Numbers of the fields in TensorFlow's schema.fbs
const [SUBGRAPHS, TENSORS, OUTPUTS, SHAPE, SHAPE_SIGNATURE] = [2, 0, 2, 0, 7];

// Makes every size that is open (-1) that of one input, and leaves out the outputs whose number of values is not among
// `sizes`, if these are given: XNNPACK skips what leads to no output, which in the landmark network is a third.
export const prepareGraph = (bytes, sizes) => {
  const { view, int, follow, vector } = read(bytes);
  const [graph] = vector(follow(0), SUBGRAPHS).values.map(follow);
  const tensors = vector(graph, TENSORS).values.map(follow);
  for (const tensor of tensors) {
    const [shape, signature] = [vector(tensor, SHAPE), vector(tensor, SHAPE_SIGNATURE)];
    signature?.values.forEach((at, n) => int(at) < 0 && view.setInt32(at, Math.max(1, int(shape.values[n])), true));
  }
  if (!sizes) return;
  const size = (tensor) => (vector(tensor, SHAPE)?.values ?? []).reduce((product, at) => product * int(at), 1);
  const outputs = vector(graph, OUTPUTS);
  const kept = outputs.values.map(int).filter((number) => sizes.includes(size(tensors[number])));
  kept.forEach((number, n) => view.setInt32(outputs.values[n], number, true));
  view.setInt32(outputs.begin, kept.length, true);
};
