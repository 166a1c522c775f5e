// What an exercise of one's own may be called; see clips/names.py and `check_name` in prediction/enrolment.py.

import { classifier, constants } from "../constants.js";
import { Problem } from "../problems.js";

const { MAX_NAME } = constants.enrolment;

// The same for names that are read as one: 'Push-Up' and 'push up'.
export const canonical = (name) => name.replace(/[\s_\-\u2010-\u2015]+/g, "").normalize("NFD")
  .toUpperCase().toLowerCase().replaceAll("ς", "σ").normalize("NFC");

// The name, composed and without space around it.
export const checkName = (name) => {
  const tidy = name.normalize("NFC").trim();
  const isNone = [classifier.none, ""].includes(canonical(tidy));
  if (isNone || [...tidy].length > MAX_NAME || /[\p{C}\p{Z}]/u.test(tidy.replaceAll(" ", "")) || /^[=+\-@]/.test(tidy)) {
    throw new Problem("badName");
  }
  return tidy;
};

// Of what is enrolled, only what is good for this classifier counts.
export const checkFree = (name, enrolled) => {
  const taken = [...classifier.exercises, ...enrolled.map((one) => one.name)].find((other) => canonical(other) === canonical(name));
  if (taken) throw new Problem("nameTaken", { name: taken });
};
