// JSON as Python's json.loads reads it: whole numbers (bigint) apart from fractions (number), NaN, the last of equal keys.

/** @typedef {null | boolean | bigint | number | string | PythonValue[] | Map<string, PythonValue>} PythonValue */

const DEEPEST = 900; // about where Python gives up
const SPACE = /[ \t\n\r]*/y;
const NUMBER = /(-?(?:0|[1-9]\d*))(\.\d+)?([eE][-+]?\d+)?/y;
const TEXT = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
/** @type {[string, PythonValue][]} */
const WORDS = [
  ["null", null],
  ["true", true],
  ["false", false],
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
];

/**
 * Read JSON.
 * @param {string} written
 * @returns {PythonValue}
 * @throws {SyntaxError} it is none, or nested too deeply
 */
export function pythonJson(written) {
  const reader = new Reader(written);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  #at = 0;

  /** @param {string} written */
  constructor(written) {
    this.written = written;
  }

  /** Take the next match of a sticky expression. @param {RegExp} expression */
  #next(expression) {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.written);
    if (found) this.#at = expression.lastIndex;
    return found;
  }

  /** Take a word if it comes next, and the space around it. @param {string} word */
  #takes(word) {
    this.#next(SPACE);
    if (!this.written.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    this.#next(SPACE);
    return true;
  }

  /** @param {string} word */
  #expect(word) {
    if (!this.#takes(word)) throw new SyntaxError(`no ${word} at ${this.#at}`);
  }

  end() {
    this.#next(SPACE);
    if (this.#at < this.written.length) throw new SyntaxError(`more at ${this.#at}`);
  }

  /** @param {number} depth @returns {PythonValue} */
  value(depth) {
    if (depth > DEEPEST) throw new SyntaxError("nested too deeply");
    if (this.#takes("[")) return this.#list(depth + 1);
    if (this.#takes("{")) return this.#table(depth + 1);
    for (const [word, value] of WORDS) if (this.#takes(word)) return value;
    const number = this.#next(NUMBER);
    if (!number) return this.#text();
    const [whole, digits, fraction, power] = number;
    return fraction || power ? Number(whole) : BigInt(digits);
  }

  /** @param {number} depth @returns {PythonValue[]} */
  #list(depth) {
    /** @type {PythonValue[]} */
    const values = [];
    if (this.#takes("]")) return values;
    do values.push(this.value(depth));
    while (this.#takes(","));
    this.#expect("]");
    return values;
  }

  /** @param {number} depth */
  #table(depth) {
    /** @type {Map<string, PythonValue>} */
    const values = new Map();
    if (this.#takes("}")) return values;
    do {
      const key = this.#text();
      this.#expect(":");
      values.set(key, this.value(depth));
    } while (this.#takes(","));
    this.#expect("}");
    return values;
  }

  /** @returns {string} */
  #text() {
    const found = this.#next(TEXT);
    if (!found) throw new SyntaxError(`no value at ${this.#at}`);
    return JSON.parse(found[0]);
  }
}
