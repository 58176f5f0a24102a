// The link to what is shown: the page's own address, with what the kernel says of the state behind it.

import { boxed, draw, element, write } from "../base/panel_runtime.js";

/** A line to copy: it can be selected where the clipboard is closed to the page. */
function line(name) {
  const field = element("input", { type: "text", readOnly: true, "aria-label": name });
  const copy = element(
    "button",
    { type: "button", className: "jupyter-button", "aria-label": `Copy ${name.toLowerCase()}` },
    "Copy",
  );
  const said = element("span", { role: "status" });
  const select = () => field.setSelectionRange(0, field.value.length, "backward"); // its beginning in sight
  field.addEventListener("focus", select);
  const take = async () => {
    field.focus();
    select();
    try {
      await navigator.clipboard.writeText(field.value);
      write(said, "copied");
    } catch {
      write(said, "press Ctrl+C");
    }
  };
  copy.addEventListener("click", take);
  return { row: element("div", {}, element("label", {}, name, field), copy, said), field, said, take };
}

const address = (query) => `${location.origin}${location.pathname}?${query}`;

async function render({ model, el }) {
  el.classList.add("ow-share");
  const served = "voila" in document.body.dataset; // elsewhere the address is a notebook's
  const link = line("Link"),
    recipe = line("Recipe");
  const open = element(
    "button",
    { type: "button", className: "jupyter-button", "aria-expanded": "false" },
    served ? "Copy link" : "Copy recipe",
  );
  const box = element(
    "div",
    { className: "ow-lines", role: "group", "aria-label": "Link to what is shown", hidden: true },
    ...(served ? [link.row] : []),
    recipe.row,
  );
  const show = (shown) => {
    box.hidden = !shown;
    open.setAttribute("aria-expanded", shown);
    for (const { said } of [link, recipe]) write(said, "");
  };
  open.addEventListener("click", () => {
    show(box.hidden);
    if (!box.hidden) (served ? link : recipe).take();
  });
  const away = ({ target }) => {
    if (!el.contains(target)) show(false);
  };
  el.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || box.hidden) return;
    event.stopPropagation();
    show(false);
    open.focus();
  });
  document.addEventListener("pointerdown", away);
  el.append(open, box);
  const drawn = await draw(model, (data) => {
    const changed = recipe.field.value !== data.line || link.field.value !== address(data.query);
    link.field.value = address(data.query);
    recipe.field.value = data.line;
    if (changed) for (const { said } of [link, recipe]) write(said, "");
  });
  return () => {
    document.removeEventListener("pointerdown", away);
    drawn();
  };
}

export default { render: boxed(render) };
