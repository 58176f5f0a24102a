// Elements of a class's pages. Texts of people are set as text, never as HTML.

/**
 * Create an element with properties and children.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, unknown>} [properties] class, attributes with a dash or "role", or properties
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function part(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties))
    if (key.includes("-") || key === "role" || key === "dir" || key === "for")
      made.setAttribute(key, String(value));
    else Object.assign(made, { [key]: value });
  made.append(...children);
  return made;
}

/**
 * Create an element for a text that a person typed; its direction is its own.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {string} className
 * @param {string} text
 */
export function said(name, className, text) {
  return part(name, { className, dir: "auto" }, text);
}

/**
 * Format a number of a vote with its unit.
 * @param {number} value
 * @param {string} [unit]
 */
export function withUnit(value, unit = "") {
  const rounded = String(Number(value.toPrecision(12)));
  return unit ? `${rounded} ${unit}` : rounded;
}
