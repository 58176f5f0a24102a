// A widget model in memory: events as Backbone fires them, messages recorded instead of sent.

/**
 * Models that refer to each other by "IPY_MODEL_" and an id, as the models of one kernel do.
 * @param {Record<string, Record<string, unknown>>} traits of every model, by its id
 * @returns {Record<string, FakeModel>}
 */
export function models(traits) {
  const manager = {
    kernel: undefined,
    get_model: async (id) => {
      if (!(id in found)) throw new Error(`no model ${id}`);
      return found[id];
    },
  };
  const found = Object.fromEntries(
    Object.entries(traits).map(([id, values]) => [id, new FakeModel(id, values, manager)]),
  );
  return found;
}

/** One model; `sent` lists its messages to the kernel. */
export class FakeModel {
  #traits;
  #changed = {};
  #callbacks = [];
  sent = [];

  constructor(id, traits, manager) {
    this.model_id = id;
    this.widget_manager = manager;
    this.#traits = { task: "", ...traits }; // every panel has one
  }

  get(name) {
    if (!(name in this.#traits)) throw new Error(`model ${this.model_id} has no trait ${name}`);
    return this.#traits[name];
  }

  /** Set one trait or several; events of changed ones follow, "change" last. */
  set(names, value) {
    const values = typeof names === "string" ? { [names]: value } : names;
    const changed = Object.keys(values).filter((name) => this.get(name) !== values[name]);
    Object.assign(this.#traits, values);
    Object.assign(this.#changed, values);
    for (const name of changed) this.#trigger(`change:${name}`);
    if (changed.length) this.#trigger("change");
  }

  /** An update of the kernel: events, and no message back. */
  receive(values) {
    this.set(values);
    this.#changed = {};
  }

  save_changes() {
    this.sent.push({ method: "update", state: this.#changed });
    this.#changed = {};
  }

  send(content) {
    this.sent.push({ method: "custom", content });
  }

  on(names, callback) {
    for (const name of names.split(" ")) this.#callbacks.push({ name, callback });
  }

  off(names, callback) {
    const gone = ({ name, callback: other }) => names.split(" ").includes(name) && other === callback;
    this.#callbacks = this.#callbacks.filter((entry) => !gone(entry));
  }

  /** How many callbacks would be left behind: 0 after a view is gone. */
  get listeners() {
    return this.#callbacks.length;
  }

  #trigger(name) {
    for (const entry of [...this.#callbacks]) if (entry.name === name) entry.callback(this);
  }
}
