// What an exercise of one's own may be called; see clips/names.py and `check_name` in prediction/enrolment.py.

import { classifier, constants } from "../constants.js";
import { namesOf } from "../page/words.js";
import { Problem } from "../problems.js";

const { MAX_NAME, JOINERS, BLANK, FORMULA_STARTS, OWN_WORDS } = constants.enrolment;

// The same for names that are read as one: 'Push-Up' and 'push up', full-width forms and others, joiners or none.
export const asRead = (name) => [...name].filter((char) => !(JOINERS + BLANK).includes(char)).join("").normalize("NFKC")
  .replace(/[\s_\-\u2010-\u2015]+/g, "").normalize("NFD").toUpperCase().toLowerCase().replaceAll("ς", "σ").normalize("NFC");

const cannotBeShown = (text) => /[\p{C}\p{Z}]/u.test([...text].filter((char) => !(JOINERS + " ").includes(char)).join(""));

// The name, composed and without space around it.
export const checkName = (name) => {
  const tidy = name.normalize("NFC").trim();
  const isNone = /^\p{M}*$/u.test(asRead(tidy)) || OWN_WORDS.some((words) => asRead(words) === asRead(tidy));
  const isFormula = FORMULA_STARTS.includes(tidy.normalize("NFKC")[0]);
  if (isNone || isFormula || [...tidy].length > MAX_NAME || cannotBeShown(tidy)) throw new Problem("badName");
  return tidy;
};

export const isSameName = (one, other) => asRead(one) === asRead(other);

// Whether no exercise is called so that the classifier was taught.
export const checkFree = (name) => {
  const taken = classifier.exercises.flatMap(namesOf).find((other) => isSameName(other, name));
  if (taken) throw new Problem("nameTaught", { name: taken });
};
