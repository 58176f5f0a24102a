// The learning platform's side of SCORM 1.2: finding its object, and calls that never throw.

/** @import { ScormApi } from "./scorm_types" */

const FARTHEST = 500; // windows up; a frame that names itself as its parent would never end
const LONGEST_REASON = 200; // characters of a platform's own words
const NOT_IMPLEMENTED = "401"; // an optional element

/**
 * Find the object `API` in this window, its parents, its opener and the opener's parents.
 * @param {any} start
 * @returns {ScormApi | null}
 */
export function findApi(start) {
  return inParents(start) ?? inParents(reached(start, "opener"));
}

/** @param {any} window */
function inParents(window) {
  for (let steps = 0; window && steps < FARTHEST; steps++) {
    const api = reached(window, "API");
    if (api) return api;
    const parent = reached(window, "parent");
    if (parent === window) return null;
    window = parent;
  }
  return null;
}

/**
 * A property of a window; null where the browser forbids the look, as into a page of another site.
 * @param {any} window
 * @param {string} name
 */
function reached(window, name) {
  try {
    return window?.[name] ?? null;
  } catch (error) {
    if (error instanceof DOMException) return null;
    throw error;
  }
}

/** Calls of the platform's object. Its code is not ours: whatever it throws or returns becomes a reason in words. */
export class Platform {
  #api;
  #thrown = "";

  /** @param {ScormApi} api */
  constructor(api) {
    this.#api = api;
  }

  open = () => this.#done("LMSInitialize", "");
  save = () => this.#done("LMSCommit", "");
  close = () => this.#done("LMSFinish", "");

  /**
   * Read an element; an empty text where there is none.
   * @param {string} element
   */
  get(element) {
    const value = this.#call("LMSGetValue", element);
    return value === undefined || value === null || this.#thrown ? "" : String(value);
  }

  /**
   * Write an element.
   * @param {string} element
   * @param {string | number} value
   * @returns {string} an empty text, or the reason why it was refused
   */
  set = (element, value) => this.#done("LMSSetValue", element, String(value));

  /**
   * Write an element that platforms may leave out; nothing is said where one does.
   * @param {string} element
   * @param {string | number} value
   */
  setOptional(element, value) {
    const reason = this.set(element, value);
    return reason && this.#lastCode() === NOT_IMPLEMENTED ? "" : reason;
  }

  /**
   * @param {keyof ScormApi} method
   * @param {...string} values
   * @returns {string} the reason why it failed
   */
  #done(method, ...values) {
    const result = this.#call(method, ...values);
    if (String(result) === "true") return "";
    return this.#thrown || this.#words() || `${method}: ${result === undefined ? "no answer" : result}`;
  }

  /**
   * @param {keyof ScormApi} method
   * @param {...string} values
   * @returns {unknown}
   */
  #call(method, ...values) {
    this.#thrown = "";
    try {
      return /** @type {any} */ (this.#api)[method](...values);
    } catch (error) {
      this.#thrown = `${method}: ${error instanceof Error ? error.message : error}`.slice(0, LONGEST_REASON);
      return undefined;
    }
  }

  /** Code of the last error, "0" for none. */
  #lastCode() {
    const code = this.#call("LMSGetLastError");
    return code === undefined || code === null || code === "" ? "0" : String(code);
  }

  /** The platform's own words for its last error. */
  #words() {
    const code = this.#lastCode();
    if (code === "0") return "";
    const words = this.#call("LMSGetErrorString", code);
    return `${words ? String(words) : "error"} (${code})`.slice(0, LONGEST_REASON);
  }
}
