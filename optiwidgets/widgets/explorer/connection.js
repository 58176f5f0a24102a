// Watches the line to the kernel by the kernel's own status and the websocket's. A kernel that is gone, a line
// that is down and a kernel at work are three things; an unanswered update alone never counts as gone.

import { boxed, element, referred, write } from "../base/panel_runtime.js";

const GONE = ["dead", "restarting", "autorestarting", "terminating"]; // another may come in its place, but empty
const PATIENCE_MS = 1000; // a wait shorter than that is not worth a word
const MEND_MS = 500;
const ASK_MS = 2000; // between two questions whether the kernel is still there
const INERT = ".ow-header, .ow-controls, .widget-inline-hbox, .jupyter-button";
const SAYS = {
  live: "",
  busy: "The kernel is busy. The picture follows when it is done.",
  reconnecting: "Connection lost. Reconnecting ...",
  gone: "The kernel has stopped. What you see no longer answers.",
  lost: "The server does not answer. What you see no longer answers either.",
};

const ended = (link) => link === "gone" || link === "lost";

/** Where pages are served, a reload starts anew; in a notebook the cell does. */
function wayOut() {
  if (!("voila" in document.body.dataset)) return " Run the cell again.";
  const button = element("button", { type: "button", className: "ow-reload" }, "Reload");
  button.addEventListener("click", () => location.reload());
  return button;
}

/** Say it on the page; what ended stays ended, and what cannot answer takes no hand any more. */
function show(root, el, status, link) {
  root.dataset.owLink = link;
  if (ended(link)) {
    root.dataset.owState = "error";
    for (const node of root.querySelectorAll(INERT)) node.inert = true;
    write(status, "");
    el.replaceChildren(status, element("p", { role: "alert" }, SAYS[link], wayOut()));
  } else {
    if (link === "busy" && root.dataset.owState === "stale") root.dataset.owState = "running";
    write(status, SAYS[link]);
  }
}

/** Messages lost with the line are never answered: without this their control would wait for ever. */
function release(control) {
  for (let lost = control._pending_msgs ?? 0; lost > 0; lost--)
    control._handle_status({ content: { execution_state: "idle" } });
}

/** While the line is down: whether the server says that there is no such kernel any more. */
async function forgotten({ serverSettings, id }) {
  const address = new URL(`api/kernels/${id}`, new URL(serverSettings.baseUrl, location.href));
  const answer = await fetch(address, { credentials: "same-origin" }).catch(() => null);
  return answer?.status === 404;
}

/** After a break: whether the widgets of this page still live in the kernel. A blocked one answers later. */
async function lives(kernel, feed) {
  const { content } = await kernel.requestCommInfo({ target_name: "jupyter.widget" });
  return content.status !== "ok" || feed.model_id in content.comms;
}

async function render({ model, el }) {
  const kernel = model.widget_manager.kernel;
  if (!kernel) return; // nothing runs behind this page
  const feed = await referred(model, model.get("feed"));
  const controls = await Promise.all(feed.get("handles").map((c) => referred(model, c)));
  const status = element("p", { role: "status" });
  let now = "live",
    checking = false,
    waiting = 0,
    mending = 0,
    asking = 0;
  el.classList.add("ow-link");
  el.append(status);

  const say = (link) => {
    const root = el.closest(".ow-explorer");
    if (!root || ended(now) || link === now) return;
    clearTimeout(waiting);
    waiting = 0;
    show(root, el, status, (now = link));
  };
  /** At work is who says so, or who owes an answer to a control that moved. */
  const works = (root) =>
    checking ||
    (["stale", "running"].includes(root.dataset.owState) &&
      (kernel.status === "busy" || feed.get("state") === "fresh"));
  const rest = () => {
    clearTimeout(waiting);
    waiting = 0;
    say("live");
  };
  const look = () => {
    const root = el.closest(".ow-explorer");
    if (!root || now === "reconnecting" || ended(now)) return;
    if (!works(root)) rest();
    else
      waiting ||= setTimeout(() => {
        waiting = 0;
        if (works(root)) say("busy");
      }, PATIENCE_MS);
  };
  /** New numbers are an answer, also while the hand moves on. */
  const heard = () => {
    if (now !== "reconnecting") {
      rest();
      look();
    }
  };
  const check = async () => {
    checking = true;
    const alive = await lives(kernel, feed).catch(() => true); // another break: its end checks anew
    checking = false;
    if (!alive) return say("gone");
    look();
    mending = setTimeout(mend, MEND_MS);
  };
  const mend = () => {
    // answers that were kept meanwhile have come by now
    if (kernel.status === "busy") mending = setTimeout(mend, MEND_MS);
    else controls.forEach(release);
  };
  const ask = async () => {
    if (now !== "reconnecting") return;
    if (await forgotten(kernel)) say("gone");
    else asking = setTimeout(ask, ASK_MS);
  };
  const onStatus = (_, state) => (GONE.includes(state) ? say("gone") : look());
  const onLine = (_, state) => {
    clearTimeout(asking);
    if (state === "connecting") {
      say("reconnecting");
      asking = setTimeout(ask, ASK_MS);
    } else if (state === "disconnected") say("lost");
    else if (now === "reconnecting") {
      say("live");
      check();
    }
  };
  const onDisposed = () => say("gone");
  const watcher = new MutationObserver(look);
  const watch = () => {
    const root = el.closest(".ow-explorer");
    if (!root) return requestAnimationFrame(watch); // not in the page yet
    watcher.observe(root, { attributeFilter: ["data-ow-state"] });
    root.dataset.owLink = now;
    if (GONE.includes(kernel.status)) say("gone");
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
