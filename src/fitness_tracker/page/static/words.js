// Answers in words.

export const named = (exercise) => exercise.replaceAll("_", " ");

export const percent = (share) => `${Math.round(100 * share)} %`;

export const clock = (seconds) => {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};

export const held = (seconds) => (seconds < 60 ? `${Math.round(seconds)} s` : clock(seconds));

// What somebody does in a segment, or in a clip as a whole.
export const doing = ({ exercise, repetitions }) => {
  if (exercise !== "none") return named(exercise);
  return repetitions ? "unknown exercise" : "no exercise";
};

// How often or how long; nothing where nobody exercises.
export const counted = ({ repetitions, held_s: seconds }) => {
  if (repetitions !== null) return `× ${repetitions}`;
  return seconds === null ? "" : held(seconds);
};

export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;

const people = (number) => (number === 1 ? "1 person" : `${number} people`);

// Where a clip is on its way.
export const progressText = ({ stage, before, frames, expected }) => {
  if (stage === "waiting") return before ? `Waiting: ${people(before)} before you` : "Waiting …";
  if (!frames) return "Opening the video …";
  return `Looking at the movement: frame ${frames}${expected ? ` of ${expected}` : ""}`;
};
