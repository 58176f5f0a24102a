// Shared by every panel: it stands before the panel's own module.

/** The model that another model's trait refers to. */
const referred = (model, reference) =>
  model.widget_manager.get_model(reference.slice("IPY_MODEL_".length));

/** Make an element: properties that start with "data-" or "aria-", and role, become attributes. */
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (/^(data|aria)-|^(role|style|tabindex|title)$/.test(name)) made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

/** Call `paint` once an animation frame at most, now and whenever the feed has news. */
async function draw(model, paint) {
  const feed = await referred(model, model.get("feed"));
  let waiting = 0;
  const frame = () => { waiting = 0; paint(feed.get("data")); };
  const ask = () => { waiting ||= requestAnimationFrame(frame); };
  feed.on("change:data", ask);
  paint(feed.get("data"));
  return () => { feed.off("change:data", ask); cancelAnimationFrame(waiting); };
}

/** A report's confusion matrix, row by row. */
const counts = ({ counts: view }) =>
  Array.from({ length: view.byteLength / 4 }, (_, i) => view.getInt32(4 * i, true));

/** Change text only where it differs: most cells stay as they are. */
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const percent = (share, digits = 1) => share === null ? "none" : (100 * share).toFixed(digits);
const signed = (number, digits = 0) => (number > 0 ? "+" : "") + number.toFixed(digits);
const thousands = (number) => number.toLocaleString("en-US");
const bytes = (count) => count < 1024 ? `${count} B` : `${(count / 1024).toFixed(1)} KiB`;
