// The file of an exercise of one's own, as `fitness-tracker enrol` writes and reads it; see prediction/enrolment.py.

import { classifier, constants } from "../constants.js";
import { rint, rounded } from "../numbers.js";
import { meanVector, unitLength } from "../models/metric.js";
import { Problem } from "../problems.js";
import { checkName } from "./names.js";

const { FORMAT_VERSION, MAX_BYTES, MAX_CLIPS } = constants.enrolment;
const FIELDS = ["checksum", "classifier", "embeddings", "format_version", "held_s", "members", "name", "repetitions"];

// As Python's `json.dumps` has it, in ASCII; all numbers but `held_s` are whole.
const dump = (value, isReal) => {
  if (Array.isArray(value)) return `[${value.map((one) => dump(one)).join(", ")}]`;
  if (isReal && Number.isInteger(value)) return value.toFixed(1);
  return JSON.stringify(value).replace(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
};

const checksumOf = async (fields) => {
  if (!globalThis.crypto?.subtle) throw new Problem("insecure");
  const named = FIELDS.slice(1).map((name) => `"${name}": ${dump(fields[name], name === "held_s")}`);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`{${named.join(", ")}}`));
  return [...new Uint8Array(digest, 0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
};

// The text of a file; `shown`: {repetitions, held_s, vector} of a clip, `known`: what was read before, if it is added to that.
export const writeEnrolled = async (name, shown, known = { repetitions: 0, held_s: 0, embeddings: [] }) => {
  const repetitions = known.repetitions + shown.repetitions;
  const embeddings = [...new Set([...known.embeddings, encode(shown.vector)])];
  const isOther = known.embeddings.length > 0 && Boolean(known.repetitions) !== Boolean(shown.repetitions); // one is held
  if (isOther || embeddings.length === known.embeddings.length || embeddings.length > MAX_CLIPS) throw new Problem("nameTaken", { name });
  const fields = {
    format_version: FORMAT_VERSION, name, classifier: classifier.hash, repetitions: repetitions || null,
    held_s: repetitions ? null : rounded(known.held_s + shown.held_s, 1), members: classifier.members, embeddings,
  };
  const text = JSON.stringify({ ...fields, checksum: await checksumOf(fields) }, null, 2);
  return `${text.replace(/("held_s": \d+)(?=,)/, "$1.0")}\n`;
};

// A vector to int8 in base64; it is the direction that counts.
const encode = (vector) => {
  const largest = Math.max(1e-9, ...vector.map(Math.abs));
  return btoa(String.fromCharCode(...Uint8Array.from(vector, (value) => rint(value * (127 / largest)))));
};

const decode = (text) => unitLength(Float64Array.from(atob(text), (char) => (char.charCodeAt(0) << 24) >> 24));

// {name, repetitions, held_s, isHeld, embeddings, isUsable, vector} of a file; throws `Problem` if it is not as it was written.
export const readEnrolled = async (text) => {
  try {
    if (text.length > MAX_BYTES) throw new Error("too large");
    const fields = JSON.parse(text);
    if (Object.keys(fields).sort().join() !== FIELDS.join() || fields.format_version !== FORMAT_VERSION) throw new Error("no such file");
    const { name, repetitions, held_s: held, embeddings } = fields;
    const isRight = fields.checksum === (await checksumOf(fields)) && checkName(name) === name
      && (repetitions === null) !== (held === null) && embeddings.length > 0 && embeddings.length <= MAX_CLIPS;
    if (!isRight) throw new Error("not as it was written");
    const isUsable = fields.classifier === classifier.hash;
    const vectors = isUsable ? embeddings.map(decode) : [];
    if (vectors.some(({ length }) => length !== classifier.members * classifier.units)) throw new Error("parts that do not fit");
    return {
      name, repetitions, held_s: held, isHeld: held !== null, embeddings, isUsable, vector: isUsable ? meanVector(vectors) : null,
    };
  } catch (error) {
    throw error.code === "insecure" ? error : new Problem("notEnrolled");
  }
};
