// Projector mode of a page without a kernel: one part at a time, in large type (Python: classroom/projector.py).

import { mark, text } from "../base/texts.js";
import { display, dressModel, escapeHtml, gate, onClick } from "./panel_parts.js";

/** @import { PageSession, PanelModels } from "./session_types" */

/** Title of each step's tab; the numbers stand above all tabs. @type {[string, string][]} */
const STEPS = [
  ["numbers", ""],
  ["scenes", mark("Scenes")],
  ["confusion", mark("Confusion")],
  ["change", mark("Confusion")],
];

/**
 * Start the projector. Models: tabs, toggle, back, next, counter, case.
 * @param {unknown} page
 * @param {PanelModels} models
 * @param {PageSession} session
 * @returns {{ leave: () => void, lock: (hiding: boolean) => void }} `lock` refuses to start while a recipe is hidden
 */
export function startProjector(page, models, session) {
  const { tabs, toggle, back, next, counter, case: named } = models;
  let on = false,
    hiding = false,
    index = 0,
    before = 0;
  /** @returns {string[]} */
  const titles = () => tabs.get("titles");
  const steps = () => STEPS.filter(([, title]) => !title || titles().includes(text(title)));
  const dress = () => {
    const here = steps()[index];
    session.mark("ow-projector", on);
    for (const [step] of STEPS) session.mark(`ow-step-${step}`, on && step === here[0]);
    const titled = steps()
      .slice(index)
      .find(([, title]) => title);
    if (on && titled) tabs.set("selected_index", titles().indexOf(text(titled[1])));
    showKeys();
  };
  const showKeys = () => {
    const all = steps().length;
    for (const model of [named, back, counter, next]) display(model, on);
    gate(back, index ? "" : text("This is the first one."));
    gate(next, index < all - 1 ? "" : text("This is the last one."));
    counter.set("value", text("{n} of {all}", { n: index + 1, all }));
    toggle.set("description", on ? text("Leave") : text("Projector"));
    dressModel(toggle, "ow-leave", on);
  };
  const nameCase = () =>
    named.set("value", escapeHtml([session.case, session.model].filter(Boolean).join(" · ")));
  /** @param {number} by */
  const turn = (by) => {
    if (!on) return;
    index = Math.min(steps().length - 1, Math.max(0, index + by));
    dress();
  };
  const leave = () => {
    if (!on) return;
    on = false;
    tabs.set("selected_index", before);
    dress();
  };
  const start = () => {
    if (hiding) return session.refuse(text("Surprise me is played in the Class tab: Reveal or Stop first."));
    on = true;
    index = 0;
    before = tabs.get("selected_index");
    dress();
  };
  onClick(toggle, () => (on ? leave() : start()));
  onClick(back, () => turn(-1));
  onClick(next, () => turn(1));
  session.on("baseline", nameCase);
  nameCase();
  showKeys();
  return {
    leave,
    lock(isHiding) {
      hiding = isHiding;
      if (hiding) leave();
    },
  };
}
