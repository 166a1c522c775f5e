// What goes wrong for a reason that a person can understand: `code` names its sentence in `page/words.js`.

export class Problem extends Error {
  constructor(code, values = {}) {
    super(code);
    this.code = code;
    this.values = values;
  }
}
