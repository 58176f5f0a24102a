// Texts that panels show. They are looked up by their English words in the catalogue that the kernel writes in front
// of the served module; without one they stay English. `make texts` collects the messages of `text` and `mark`.

/** @returns {Record<string, string>} translations by English message */
const catalogue = () => (typeof OW_MESSAGES === "undefined" ? {} : OW_MESSAGES);

/**
 * Look a message up and fill the names in its braces.
 * @param {string} message
 * @param {Record<string, string | number>} [values]
 */
export function text(message, values) {
  const found = catalogue()[message] ?? message;
  return values ? found.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole)) : found;
}

/**
 * Mark a message for the catalogue and return it unchanged: it is looked up where it is shown.
 * @template {string} Message
 * @param {Message} message
 * @returns {Message}
 */
export const mark = (message) => message;

/**
 * Whether a text that the kernel sent is a message of the catalogue, translated or not.
 * @param {string} shown
 * @param {string} message
 */
export const isMessage = (shown, message) => shown === message || shown === text(message);
