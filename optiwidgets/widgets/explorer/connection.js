// Watches the connection by the status of the kernel and of its websocket, and shows whether the kernel is gone,
// the connection is down or the kernel is busy. An unanswered update alone never counts as gone.

import { around, boxed, element, findAll, referred, write } from "../base/panel_runtime.js";

/** @import { Context, Control, FeedModel, Kernel, PanelTraits } from "../base/types" */

/** Kernel statuses. Another kernel may take its place, but without the widgets' state. */
const GONE = ["dead", "restarting", "autorestarting", "terminating"];
const PATIENCE_MS = 1000; // shorter waits are not shown
const MEND_MS = 500;
const ASK_MS = 2000; // between two requests whether the kernel still exists
const INERT = ".ow-header, .ow-controls, .widget-inline-hbox, .jupyter-button";
/** @typedef {"live" | "busy" | "reconnecting" | "gone" | "lost"} Link */

/** @type {Record<Link, string>} */
const TEXTS = {
  live: "",
  busy: "The kernel is busy. The picture follows when it is done.",
  reconnecting: "Connection lost. Reconnecting ...",
  gone: "The kernel has stopped. What you see no longer answers.",
  lost: "The server does not answer. What you see no longer answers either.",
};

/** @param {Link} link */
const ended = (link) => link === "gone" || link === "lost";

/**
 * Tell how to start anew: by a reload where Voila serves the page, in a notebook by running the cell.
 */
function wayOut() {
  if (!("voila" in document.body.dataset)) return " Run the cell again.";
  const button = element("button", { type: "button", className: "ow-reload" }, "Reload");
  button.addEventListener("click", () => location.reload());
  return button;
}

/**
 * Show a state of the connection. A page that has no kernel any more takes no input.
 * @param {HTMLElement} root
 * @param {HTMLElement} el
 * @param {HTMLElement} status
 * @param {Link} link
 */
function show(root, el, status, link) {
  root.dataset.owLink = link;
  if (ended(link)) {
    root.dataset.owState = "error";
    for (const node of findAll(root, INERT)) node.inert = true;
    write(status, "");
    el.replaceChildren(status, element("p", { role: "alert" }, TEXTS[link], wayOut()));
  } else {
    if (link === "busy" && root.dataset.owState === "stale") root.dataset.owState = "running";
    write(status, TEXTS[link]);
  }
}

/**
 * Release a control whose messages were lost with the connection: it would wait for their answers.
 * @param {Control} control
 */
function release(control) {
  for (let lost = control._pending_msgs ?? 0; lost > 0; lost--)
    control._handle_status({ content: { execution_state: "idle" } });
}

/**
 * Ask the server, while the connection is down, whether the kernel does not exist any more.
 * @param {Kernel} kernel
 */
async function forgotten({ serverSettings, id }) {
  const address = new URL(`api/kernels/${id}`, new URL(serverSettings.baseUrl, location.href));
  const answer = await fetch(address, { credentials: "same-origin" }).catch(() => null);
  return answer?.status === 404;
}

/**
 * Ask the kernel, after a reconnection, whether the widgets of this page still exist.
 * @param {Kernel} kernel
 * @param {FeedModel} feed
 */
async function lives(kernel, feed) {
  const { content } = await kernel.requestCommInfo({ target_name: "jupyter.widget" });
  return content.status !== "ok" || feed.model_id in content.comms;
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
  /** @type {Link} */
  let current = "live";
  let checking = false,
    waiting = 0,
    mending = 0,
    asking = 0;
  el.classList.add("ow-link");
  el.append(status);

  /** @param {Link} link */
  const setLink = (link) => {
    const root = around(el, ".ow-explorer");
    if (!root || ended(current) || link === current) return;
    clearTimeout(waiting);
    waiting = 0;
    current = link;
    show(root, el, status, link);
  };
  /**
   * Tell whether the kernel is busy, or still has to answer a control that moved.
   * @param {HTMLElement} root
   */
  const works = (root) =>
    checking ||
    (["stale", "running"].includes(root.dataset.owState ?? "") &&
      (kernel.status === "busy" || feed.get("state") === "fresh"));
  const rest = () => {
    clearTimeout(waiting);
    waiting = 0;
    setLink("live");
  };
  const update = () => {
    const root = around(el, ".ow-explorer");
    if (!root || current === "reconnecting" || ended(current)) return;
    if (!works(root)) rest();
    else
      waiting ||= setTimeout(() => {
        waiting = 0;
        if (works(root)) setLink("busy");
      }, PATIENCE_MS);
  };
  /** New data is an answer, also while a control moves on. */
  const heard = () => {
    if (current !== "reconnecting") {
      rest();
      update();
    }
  };
  const check = async () => {
    checking = true;
    const alive = await lives(kernel, feed).catch(() => true); // another break: its end checks anew
    checking = false;
    if (!alive) return setLink("gone");
    update();
    mending = setTimeout(mend, MEND_MS);
  };
  const mend = () => {
    // answers that were kept meanwhile have come by now
    if (kernel.status === "busy") mending = setTimeout(mend, MEND_MS);
    else controls.forEach(release);
  };
  const ask = async () => {
    if (current !== "reconnecting") return;
    if (await forgotten(kernel)) setLink("gone");
    else asking = setTimeout(ask, ASK_MS);
  };
  /**
   * @param {unknown} _
   * @param {string} state
   */
  const onStatus = (_, state) => (GONE.includes(state) ? setLink("gone") : update());
  /**
   * @param {unknown} _
   * @param {string} state
   */
  const onLine = (_, state) => {
    clearTimeout(asking);
    if (state === "connecting") {
      setLink("reconnecting");
      asking = setTimeout(ask, ASK_MS);
    } else if (state === "disconnected") setLink("lost");
    else if (current === "reconnecting") {
      setLink("live");
      check();
    }
  };
  const onDisposed = () => setLink("gone");
  const watcher = new MutationObserver(update);
  const watch = () => {
    const root = around(el, ".ow-explorer");
    if (!root) return requestAnimationFrame(watch); // not in the page yet
    watcher.observe(root, { attributeFilter: ["data-ow-state"] });
    root.dataset.owLink = current;
    if (GONE.includes(kernel.status)) setLink("gone");
    feed.comm?.send({ method: "request_state" }, feed.callbacks()); // news sent while the page loaded is lost
  };
  kernel.statusChanged.connect(onStatus);
  kernel.connectionStatusChanged.connect(onLine);
  kernel.disposed.connect(onDisposed);
  feed.on("change:data", heard);
  watch();
  return () => {
    kernel.statusChanged.disconnect(onStatus);
    kernel.connectionStatusChanged.disconnect(onLine);
    kernel.disposed.disconnect(onDisposed);
    feed.off("change:data", heard);
    watcher.disconnect();
    clearTimeout(waiting);
    clearTimeout(mending);
    clearTimeout(asking);
  };
}

export default { render: boxed(render) };
