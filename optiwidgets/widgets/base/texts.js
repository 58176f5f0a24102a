// Texts that panels show. They are looked up by their English words in the catalogue that the kernel writes in front
// of the served module; without one they stay English. `make texts` collects the messages of `text`, `mark`, `plural`.

/** @returns {Record<string, string>} translations by English message */
const catalogue = () => (typeof OW_MESSAGES === "undefined" ? {} : OW_MESSAGES);

/**
 * Look a message up and fill the names in its braces.
 * @param {string} message
 * @param {Record<string, string | number>} [values]
 */
export function text(message, values) {
  const found = catalogue()[message] ?? message;
  return values ? filled(found, values) : found;
}

/**
 * @param {string} message
 * @param {Record<string, string | number>} values
 */
const filled = (message, values) =>
  message.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));

/**
 * Look up the form of a message that a number needs; fill in the number as `n`, and other values. English has two forms.
 * @param {string} one
 * @param {string} many
 * @param {number} n
 * @param {Record<string, string | number>} [values]
 */
export function plural(one, many, n, values) {
  const { forms, choice } = typeof OW_PLURALS === "undefined" ? { forms: {}, choice: "" } : OW_PLURALS;
  // all numbers from 200 on have the form of one from 100 to 199, by their last two digits
  const own = forms[one]?.[Number(choice[n < 200 ? n : 100 + (n % 100)])];
  return filled(own ?? (n === 1 ? one : many), { n, ...values });
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
