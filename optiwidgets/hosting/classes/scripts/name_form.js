// Form for a nickname; a learner may stay a number.

import { part } from "./page_parts.js";

const LONGEST = 40;

/**
 * Create the form.
 * @param {(message: object) => boolean} send
 */
export function nameForm(send) {
  const field = part("input", { name: "name", maxLength: LONGEST, autocomplete: "nickname" });
  const form = part(
    "form",
    { className: "ow-class-name" },
    part("label", {}, "Your nickname in this class ", field),
    part("button", { type: "submit" }, "Use it"),
    part("button", { type: "button", className: "ow-class-nameless" }, "Stay a number"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (field.value.trim()) send({ type: "name", name: field.value.trim() });
  });
  form.querySelector(".ow-class-nameless")?.addEventListener("click", () => send({ type: "name", name: "" }));
  return form;
}
