// Shared by every panel: it stands before the panel's own module.

/** The model that another model's trait refers to. */
export const referred = (model, reference) =>
  model.widget_manager.get_model(reference.slice("IPY_MODEL_".length));

/** Make an element: properties that start with "data-" or "aria-", and role, become attributes. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (/^(data|aria)-|^(role|style|tabindex|title)$/.test(name)) made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

const boxes = new WeakMap(); // whose box a model's panel draws in

/** What a panel's code throws stands in its own box, in the place of a picture that is out of date. */
function trouble(el, error) {
  console.error(error);
  el?.classList.add("ow-broken");
  el?.querySelector(":scope > .ow-trouble")?.remove();
  el?.prepend(
    element(
      "p",
      { className: "ow-trouble", role: "alert" },
      `This panel cannot be drawn (${String(error?.message ?? error).slice(0, 200)}). The others go on.`,
    ),
  );
}

/** `work` that never throws; where it succeeds again, the trouble is over. */
export const safely =
  (model, work) =>
  (...news) => {
    const el = boxes.get(model);
    try {
      work(...news);
      el?.classList.remove("ow-broken");
      el?.querySelector(":scope > .ow-trouble")?.remove();
    } catch (error) {
      trouble(el, error);
    }
  };

/** A panel's `render` with its box known to `safely`, its own first lines included. */
export const boxed = (render) => async (context) => {
  boxes.set(context.model, context.el);
  try {
    return await render(context);
  } catch (error) {
    trouble(context.el, error);
  }
};

/** Call `paint` once an animation frame at most, now and whenever the feed has news. */
export async function draw(model, paint) {
  const feed = await referred(model, model.get("feed"));
  let waiting = 0;
  const show = safely(model, () => paint(feed.get("data")));
  const frame = () => {
    waiting = 0;
    show();
  };
  const ask = () => {
    waiting ||= requestAnimationFrame(frame);
  };
  feed.on("change:data", ask);
  show();
  return () => {
    feed.off("change:data", ask);
    cancelAnimationFrame(waiting);
  };
}

/** A report's confusion matrix, row by row. */
export const counts = ({ counts: view }) =>
  Array.from({ length: view.byteLength / 4 }, (_, i) => view.getInt32(4 * i, true));

/** Change text only where it differs: most cells stay as they are. Tells whether it did. */
export function write(node, text) {
  if (node.nodeType === Node.TEXT_NODE) {
    if (node.data === text) return false;
    node.data = text;
    return true;
  }
  if (node.textContent === text) return false;
  const only = node.childNodes.length === 1 && node.firstChild.nodeType === Node.TEXT_NODE;
  if (only && text)
    node.firstChild.data = text; // the box of the text stays
  else node.textContent = text;
  return true;
}

export const percent = (share, digits = 1) => (share === null ? "none" : (100 * share).toFixed(digits));
export const signed = (number, digits = 0) => (number > 0 ? "+" : "") + number.toFixed(digits);
const grouped = new Intl.NumberFormat("en-US"); // made once: that takes longer than all its answers
export const thousands = (number) => grouped.format(number);
export const bytes = (count) => (count < 1024 ? `${count} B` : `${(count / 1024).toFixed(1)} KiB`);
