// Widget models of a page without a kernel: the same calls as the models of a kernel (anywidget's interface), in memory.
// Nothing is sent. A role (roles.js) observes the models and sets their traits, as the widget's Python would.

/** @import { ModelRecord, StaticState } from "./static_types" */

/** @typedef {(model: StaticModel, value?: any) => void} Listener */

const PREFIX = "IPY_MODEL_";

/**
 * Tell whether two values of a trait are equal: lists by their items, all else by identity.
 * @param {unknown} one
 * @param {unknown} other
 * @returns {boolean}
 */
const isSame = (one, other) =>
  Object.is(one, other) ||
  (Array.isArray(one) &&
    Array.isArray(other) &&
    one.length === other.length &&
    one.every((item, i) => isSame(item, other[i])));

/** Events by name, as Backbone fires them. */
export class Events {
  /** @type {[string, Listener][]} */
  #listeners = [];

  /** @param {string} names @param {Listener} listener */
  on(names, listener) {
    for (const name of names.split(" ")) this.#listeners.push([name, listener]);
  }

  /** @param {string | null} [names] all, if left out @param {Listener | null} [listener] all, if left out */
  off(names, listener) {
    const gone = names?.split(" ");
    this.#listeners = this.#listeners.filter(
      ([name, own]) => (gone && !gone.includes(name)) || (listener && own !== listener),
    );
  }

  /** @param {string} name @param {...any} values */
  trigger(name, ...values) {
    for (const [own, listener] of [...this.#listeners])
      if (own === name) /** @type {Function} */ (listener)(...values);
  }
}

/** A model in memory. `name` is ipywidgets' name of its kind, `module` that of its own JavaScript. */
export class StaticModel extends Events {
  /** @type {StaticState} */
  #state;

  /** @param {string} id @param {ModelRecord} record @param {StaticManager} manager */
  constructor(id, record, manager) {
    super();
    this.model_id = id;
    this.name = record.name;
    this.module = record.module ?? "";
    this.widget_manager = manager;
    this.#state = { ...record.state };
  }

  /** @param {string} name @returns {any} null for a trait without a value */
  get(name) {
    return this.#state[name] ?? null;
  }

  /**
   * Set one trait or several; events of changed ones follow, "change" last.
   * @param {string | StaticState} names
   * @param {any} [value]
   */
  set(names, value) {
    const values = typeof names === "string" ? { [names]: value } : names;
    const changed = Object.keys(values).filter((name) => !isSame(this.get(name), values[name]));
    Object.assign(this.#state, values);
    for (const name of changed) this.trigger(`change:${name}`, this, values[name]);
    if (changed.length) this.trigger("change", this);
  }

  /** Traits are set at once: there is no kernel to send them to. */
  save_changes() {}

  /**
   * A message to the widget's Python: the role hears it as the event "sent".
   * @param {any} content
   */
  send(content) {
    this.trigger("sent", content);
  }

  /**
   * A message of the widget's Python to its view.
   * @param {any} content
   */
  tell(content) {
    this.trigger("msg:custom", content, []);
  }

  callbacks() {
    return {};
  }
}

/** All models of a page. It has no `kernel`, by which modules know that there is none. */
export class StaticManager {
  /** @param {Record<string, ModelRecord>} records */
  constructor(records) {
    this.kernel = undefined;
    /** @type {Map<string, StaticModel>} */
    this.models = new Map(
      Object.entries(records).map(([id, record]) => [id, new StaticModel(id, record, this)]),
    );
  }

  /** @param {string} id @returns {Promise<StaticModel>} */
  async get_model(id) {
    return this.model(id);
  }

  /**
   * Find a model by its id, or by a reference to it.
   * @param {string} id
   * @returns {StaticModel}
   */
  model(id) {
    const found = this.models.get(id.startsWith(PREFIX) ? id.slice(PREFIX.length) : id);
    if (!found) throw new Error(`no model ${id}`);
    return found;
  }

  /**
   * Replace the references in a value, at any depth, by their models.
   * @param {any} value
   * @returns {any}
   */
  resolved(value) {
    if (typeof value === "string") return value.startsWith(PREFIX) ? this.model(value) : value;
    if (Array.isArray(value)) return value.map((item) => this.resolved(item));
    if (value?.constructor !== Object) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, this.resolved(item)]));
  }
}

/**
 * Read a value of the page's JSON: `{"$bytes": base64}` is a DataView, at any depth.
 * @param {any} value
 * @returns {any}
 */
export function revived(value) {
  if (Array.isArray(value)) return value.map(revived);
  if (value?.constructor !== Object) return value;
  if (typeof value.$bytes === "string") return new DataView(bytesOf(value.$bytes).buffer);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, revived(item)]));
}

/** @param {string} base64 */
const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
