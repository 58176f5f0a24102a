// Shows on an explorer the state of its kernel: busy, reconnecting, gone. An unanswered update alone never counts
// as gone. The page's banner (kernel_watch.js) has the words for a kernel that is gone.

import { followKernel } from "../base/kernel_watch.js";
import { around, boxed, element, referred, write } from "../base/panel_runtime.js";
import { mark, text } from "../base/texts.js";

/** @import { Context, Control, FeedModel, PanelTraits } from "../base/types" */

const PATIENCE_MS = 1000; // shorter waits are not shown
const MEND_MS = 500;
const BUSY = mark("The kernel is busy. The picture follows when it is done.");

/**
 * Release a control whose messages were lost with the connection: it would wait for their answers.
 * @param {Control} control
 */
function release(control) {
  for (let lost = control._pending_msgs ?? 0; lost > 0; lost--)
    control._handle_status({ content: { execution_state: "idle" } });
}

/** @param {Context<PanelTraits>} context */
async function render({ model, el }) {
  const kernel = model.widget_manager.kernel;
  if (!kernel) return; // a page without a kernel
  /** @type {FeedModel} */
  const feed = await referred(model, model.get("feed"));
  /** @type {Control[]} */
  const controls = await Promise.all(feed.get("handles").map((c) => referred(model, c)));
  const status = element("p", { role: "status" });
  let link = "live", // busy as well
    isChecked = true,
    waiting = 0,
    mending = 0;
  el.classList.add("ow-link");
  el.append(status);
  const rootOf = () => around(el, ".ow-explorer");
  const isUp = () => link === "live" || link === "busy";

  /** @param {string} next */
  const show = (next) => {
    clearTimeout(waiting);
    waiting = 0;
    link = next;
    const root = rootOf();
    if (!root) return;
    root.dataset.owLink = link;
    if (link === "gone" || link === "lost") root.dataset.owState = "error";
    else if (link === "busy" && root.dataset.owState === "stale") root.dataset.owState = "running";
    write(status, link === "busy" ? text(BUSY) : "");
  };
  /**
   * Tell whether the kernel is busy, or still has to answer a control that moved.
   * @param {HTMLElement} root
   */
  const works = (root) =>
    !isChecked ||
    (["stale", "running"].includes(root.dataset.owState ?? "") &&
      (kernel.status === "busy" || feed.get("state") === "fresh"));
  const update = () => {
    const root = rootOf();
    if (!root || !isUp()) return;
    if (!works(root)) show("live");
    else
      waiting ||= setTimeout(() => {
        waiting = 0;
        if (works(root)) show("busy");
      }, PATIENCE_MS);
  };
  /** New data is an answer, also while a control moves on. */
  const heard = () => {
    if (!isUp()) return;
    show("live");
    update();
  };
  const mend = () => {
    // answers that were kept meanwhile have come by now
    if (kernel.status === "busy") mending = setTimeout(mend, MEND_MS);
    else controls.forEach(release);
  };
  /** @param {string} next @param {boolean} checked */
  const follow = (next, checked) => {
    if (next === "live" && checked && !isChecked) mending = setTimeout(mend, MEND_MS); // it is connected again
    const isBack = next === "live" && (link === "gone" || link === "lost");
    isChecked = checked;
    if (next !== "live" || !isUp()) show(next);
    if (isBack) {
      askForNews();
      rootOf()?.dispatchEvent(new Event("ow-alive", { bubbles: true })); // feeds mark their state again
    }
    update();
  };
  const askForNews = () => feed.comm?.send({ method: "request_state" }, feed.callbacks());
  const watcher = new MutationObserver(update);
  const watch = () => {
    const root = rootOf();
    if (!root) return requestAnimationFrame(watch); // not in the page yet
    watcher.observe(root, { attributeFilter: ["data-ow-state"] });
    show(link);
    askForNews(); // those sent while the page loaded are lost
  };
  const leave = followKernel(model, el, follow);
  kernel.statusChanged.connect(update);
  feed.on("change:data", heard);
  watch();
  return () => {
    leave();
    kernel.statusChanged.disconnect(update);
    feed.off("change:data", heard);
    watcher.disconnect();
    clearTimeout(waiting);
    clearTimeout(mending);
  };
}

export default { render: boxed(render) };
