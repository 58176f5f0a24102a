// Form that opens a vote: a choice of options, a verdict, or a number in a range.

import { part } from "./page_parts.js";

const VERDICT = ["Ship it", "Borderline", "Do not ship"];

/**
 * Create a labelled field.
 * @param {string} words
 * @param {HTMLElement} field
 */
function labelled(words, field) {
  return part("label", {}, part("span", {}, words), field);
}

/**
 * @param {string} name
 * @param {string} value
 */
function numeric(name, value) {
  return part("input", { name, type: "number", step: "any", value, inputMode: "decimal" });
}

/** Create the form. */
export function formOf() {
  const kinds = part(
    "select",
    { name: "kind" },
    part("option", { value: "choice" }, "Choice"),
    part("option", { value: "verdict" }, "Verdict"),
    part("option", { value: "number" }, "Number"),
  );
  const options = part("textarea", { name: "options", rows: 4, placeholder: "one answer a line" });
  const choice = part("fieldset", { className: "ow-class-choice" }, labelled("Answers, one a line", options));
  choice.append(labelled("Right answer's line, if there is one", numeric("right", "")));
  const number = part("fieldset", { className: "ow-class-range", hidden: true });
  for (const [name, words, value] of [
    ["low", "From", "0"],
    ["high", "to", "100"],
    ["step", "in steps of", "1"],
    ["truth", "Right number, if there is one", ""],
  ])
    number.append(labelled(words, numeric(name, value)));
  number.append(labelled("Unit", part("input", { name: "unit", maxLength: 20 })));
  const turned = () => {
    number.hidden = kinds.value !== "number";
    choice.hidden = kinds.value === "number";
    if (kinds.value === "verdict") options.value = VERDICT.join("\n");
  };
  kinds.addEventListener("change", turned);
  return part(
    "form",
    { className: "ow-class-form", "aria-label": "New vote" },
    part("h2", {}, "New vote"),
    labelled("Question", part("textarea", { name: "title", rows: 2, required: true })),
    labelled("Kind", kinds),
    choice,
    number,
    part("button", { type: "submit" }, "Open the vote"),
  );
}

/**
 * Read the form as the message's form; the server checks it.
 * @param {HTMLFormElement} form
 */
export function readForm(form) {
  const of = (/** @type {string} */ name) => {
    const field = form.querySelector(`[name="${name}"]`);
    return /** @type {HTMLInputElement} */ (field).value.trim();
  };
  const title = of("title");
  if (of("kind") === "number") {
    const truth = of("truth") === "" ? {} : { truth: Number(of("truth")) };
    const [low, high, step] = ["low", "high", "step"].map((name) => Number(of(name)));
    return { kind: "number", title, low, high, step, unit: of("unit"), ...truth };
  }
  const options = of("options")
    .split("\n")
    .map((line) => line.trim());
  const truth = of("right") === "" ? {} : { truth: Number(of("right")) - 1 };
  return { kind: "choice", title, options: options.filter(Boolean), ...truth };
}
