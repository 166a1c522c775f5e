// The answer as files, as `fitness-tracker predict --json` and `--csv` print it.

const COLUMNS = ["path", "start_s", "end_s", "exercise", "confidence", "repetitions", "held_s", "error"];

export const jsonOf = (path, answer) => `${JSON.stringify({ path, ...answer }, null, 2)}\n`;

export const csvOf = (path, { segments }) => {
  const rows = segments.map((segment) => COLUMNS.map((name) => ({ path, ...segment })[name] ?? ""));
  return [COLUMNS, ...rows].map((row) => `${row.map(quoted).join(",")}\n`).join("");
};

const quoted = (value) => (/[",\n\r]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
