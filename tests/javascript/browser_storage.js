// The browser's storage for tests; `refuse` makes it throw as one that is switched off.

/** Put an empty storage into the page; return its entries and a switch. */
export function browserStorage() {
  const entries = new Map();
  const state = { entries, isRefused: false };
  const allowed = (value) => {
    if (state.isRefused) throw new DOMException("storage is off", "SecurityError");
    return value;
  };
  const storage = {
    getItem: (key) => allowed(entries.get(key) ?? null),
    setItem: (key, text) => allowed(void entries.set(key, text)),
    removeItem: (key) => allowed(void entries.delete(key)),
    clear: () => entries.clear(),
  };
  Object.defineProperty(globalThis, "localStorage", { value: storage, configurable: true, writable: true });
  return state;
}
