// Watches the kernel of a page's widgets, by the status of the kernel and of its websocket. A kernel that is gone
// is told once on a page, or once in a notebook of JupyterLab, and every control that needs it says so. This file
// imports texts alone: the modules of several widgets share one watch for each kernel.

import { mark, text } from "./texts.js";

/** @import { Cleanup, Kernel, Model } from "./types" */

/** @typedef {"live" | "reconnecting" | "gone" | "lost"} Link */
/** @typedef {(link: Link, isChecked: boolean) => void} OnLink */
/** @typedef {"gone" | "lost"} Ended */
/** @typedef {{ id: string, el: HTMLElement, page: HTMLElement | null, ended: Ended | "", onLink: OnLink }} View */

/** Kernel statuses. Another kernel may take its place, but without the widgets' state. */
const GONE = ["dead", "restarting", "autorestarting", "terminating"];
const ASK_MS = 2000; // between two requests whether the kernel still exists
const SHARED = Symbol.for("optiwidgets.kernel_watches.1"); // each widget's module has a copy of this file
const OURS = '.jupyter-widgets[class^="ow-"], .jupyter-widgets[class*=" ow-"]';
const CONTROLS = "button, input, select, textarea, .noUi-target, [role=slider]";
const WITHOUT_KERNEL = "[data-ow-offline]"; // works in the page alone
const ACTIONS = ["pointerdown", "mousedown", "touchstart", "click", "keydown", "beforeinput"];
const HARMLESS_KEYS = ["Tab", "Escape", "Shift", "Control", "Alt", "Meta"];

const TEXTS = {
  live: "",
  reconnecting: mark("Connection lost. Reconnecting ..."),
  gone: mark("The kernel has stopped. What you see no longer answers."),
  lost: mark("The server does not answer. What you see no longer answers either."),
};
/** Voila serves the page: a reload starts another kernel. */
const isServed = () => "voila" in document.body.dataset;
/** @param {Ended} link */
const remedy = (link) =>
  isServed()
    ? text("Reload the page.")
    : link === "gone"
      ? text("Restart the kernel and run all cells.")
      : text("Reload the page once the server runs again.");

/** @param {Ended} link */
const reason = (link) =>
  link === "gone"
    ? `${text("Needs the kernel, which has stopped.")} ${remedy(link)}`
    : `${text("Needs the kernel, and the server does not answer.")} ${remedy(link)}`;

/**
 * Tell why no time will be measured any more; empty while the kernel may still measure.
 * @param {string} link
 */
export const endOfTiming = (link) =>
  link === "gone"
    ? text("it needs the kernel, which has stopped")
    : link === "lost"
      ? text("it needs the kernel, and the server does not answer")
      : "";

/**
 * Find the outermost of our widgets around an element.
 * @param {HTMLElement} el
 * @returns {HTMLElement}
 */
function outermost(el) {
  const outer = /** @type {HTMLElement | null | undefined} */ (
    el.closest(OURS)?.parentElement?.closest(OURS)
  );
  return outer ? outermost(outer) : /** @type {HTMLElement} */ (el.closest(OURS) ?? el);
}

/**
 * The part of the page that shows one banner: a notebook of JupyterLab, else the whole page.
 * @param {HTMLElement} el
 */
const pageOf = (el) =>
  /** @type {HTMLElement} */ (el.closest(".jp-NotebookPanel, .jp-LinkedOutputView") ?? document.body);

/** The end of the kernel for one of our widgets: its controls say why they do nothing, and do nothing. */
class DeadWidget {
  /** @type {Map<Element, (string | null)[]>} */
  #before = new Map(); // title and aria-disabled of each control

  /** @param {HTMLElement} root @param {Ended} link */
  constructor(root, link) {
    this.root = root;
    root.dataset.owKernel = link;
    for (const control of root.querySelectorAll(CONTROLS)) {
      if (control.closest(WITHOUT_KERNEL)) continue;
      this.#before.set(control, [control.getAttribute("title"), control.getAttribute("aria-disabled")]);
      control.setAttribute("title", reason(link));
      control.setAttribute("aria-disabled", "true");
    }
    for (const type of ACTIONS) root.addEventListener(type, this.#refuse, { capture: true, passive: false });
  }

  revive() {
    delete this.root.dataset.owKernel;
    for (const [control, values] of this.#before)
      ["title", "aria-disabled"].forEach((name, i) => {
        if (values[i] === null) control.removeAttribute(name);
        else control.setAttribute(name, /** @type {string} */ (values[i]));
      });
    for (const type of ACTIONS) this.root.removeEventListener(type, this.#refuse, { capture: true });
  }

  /** @param {Event} event */
  #refuse = (event) => {
    const control = /** @type {Element} */ (event.target).closest?.(`${CONTROLS}, ${WITHOUT_KERNEL}`);
    if (!control || control.matches(WITHOUT_KERNEL) || control.closest(WITHOUT_KERNEL)) return;
    const { type, key, ctrlKey, metaKey } = /** @type {KeyboardEvent} */ (event);
    if (type === "keydown" && (HARMLESS_KEYS.includes(key) || ctrlKey || metaKey)) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    if (type === "pointerdown" && control instanceof HTMLElement) control.focus(); // its title is read
  };
}

/** The banner of one page. It exists from the first view on, so that its texts are announced. */
class Banner {
  /** @type {Link} */
  #link = "live";

  /** @param {HTMLElement} page */
  constructor(page) {
    this.page = page;
    this.box = document.createElement("div");
    this.box.className = "ow-kernel";
    this.status = document.createElement("p");
    this.status.setAttribute("role", "status");
    this.box.append(this.status);
    page.prepend(this.box);
    new ResizeObserver(() => this.#makeRoom()).observe(this.box); // narrower, it has more lines
  }

  #makeRoom() {
    this.page.style.setProperty("--ow-kernel-height", `${this.box.offsetHeight}px`);
  }

  /** @param {Link} link */
  show(link) {
    if (link === this.#link) return;
    this.#link = link;
    this.box.dataset.owLink = link;
    this.status.textContent = link === "reconnecting" ? text(TEXTS[link]) : "";
    this.box.replaceChildren(this.status);
    if (link === "gone" || link === "lost") this.box.append(this.#alert(link));
    const bar = this.page.querySelector(":scope > .jp-Toolbar, :scope > .jp-NotebookPanel-toolbar");
    if (bar instanceof HTMLElement) this.box.style.top = `${bar.offsetTop + bar.offsetHeight}px`;
    this.#makeRoom();
  }

  /** @param {Ended} link */
  #alert(link) {
    const alert = document.createElement("p");
    alert.setAttribute("role", "alert");
    alert.append(text(TEXTS[link]), " ");
    if (isServed()) {
      const button = Object.assign(document.createElement("button"), {
        type: "button",
        textContent: text("Reload"),
      });
      button.addEventListener("click", () => location.reload());
      alert.append(button);
    } else alert.append(remedy(link));
    return alert;
  }
}

/** Watch of one kernel, for all views of our widgets in the page. */
class KernelWatch {
  /** @type {Set<View>} */
  views = new Set();
  /** @type {Map<HTMLElement, Banner>} */
  banners = new Map();
  /** @type {Map<HTMLElement, DeadWidget>} */
  dead = new Map();
  /** @type {Map<HTMLElement, Ended>} */
  rest = new Map(); // our other widgets on these pages, which have no view that follows the kernel
  isDown = false;
  asking = 0;

  /** @param {Kernel} kernel */
  constructor(kernel) {
    this.kernel = kernel;
    kernel.statusChanged.connect(this.#onStatus);
    kernel.connectionStatusChanged.connect(this.#onLine);
    kernel.disposed.connect(this.#onDisposed);
  }

  /** @param {View} view */
  add(view) {
    this.views.add(view);
    if (GONE.includes(this.kernel.status)) view.ended = "gone";
    this.#tell(view, true);
    let waiting = 0;
    const place = () => {
      if (!view.el.isConnected)
        waiting = requestAnimationFrame(place); // not in the page yet
      else this.#paint();
    };
    place();
    return () => {
      cancelAnimationFrame(waiting);
      this.views.delete(view);
      this.#paint();
    };
  }

  /** @param {unknown} _ @param {string} state */
  #onStatus = (_, state) => {
    if (GONE.includes(state)) this.#end("gone");
    else if (state === "idle" && !this.isDown && [...this.views].some((view) => view.ended)) this.#check();
  };

  /** @param {unknown} _ @param {string} state */
  #onLine = (_, state) => {
    clearTimeout(this.asking);
    if (state === "connecting") {
      this.isDown = true;
      this.asking = setTimeout(this.#ask, ASK_MS);
      this.#tellAll(true);
    } else if (state === "disconnected") this.#end("lost");
    else if (this.isDown || [...this.views].some((view) => view.ended === "lost")) {
      this.isDown = false;
      this.#tellAll(false);
      this.#check();
    }
  };

  #onDisposed = () => this.#end("gone");

  /** Ask the server, while the connection is down, whether the kernel does not exist any more. */
  #ask = async () => {
    if (!this.isDown) return;
    const { serverSettings, id } = this.kernel;
    const address = new URL(`api/kernels/${id}`, new URL(serverSettings.baseUrl, location.href));
    const answer = await fetch(address, { credentials: "same-origin" }).catch(() => null);
    if (answer?.status === 404) this.#end("gone");
    else if (this.isDown) this.asking = setTimeout(this.#ask, ASK_MS);
  };

  /** Ask the kernel, after a reconnection or a restart, which widgets of this page it has. */
  async #check() {
    const { content } = await this.kernel
      .requestCommInfo({ target_name: "jupyter.widget" })
      .catch(() => ({ content: /** @type {{ status: "abort" }} */ ({ status: "abort" }) })); // another break
    if (content.status !== "ok") return;
    for (const view of this.views) view.ended = view.id in content.comms ? "" : "gone";
    if ([...this.views].some((view) => !view.ended)) this.rest.clear();
    this.#tellAll(true);
  }

  /** @param {Ended} link */
  #end(link) {
    this.isDown = false;
    clearTimeout(this.asking);
    for (const view of this.views) {
      view.ended = view.ended === "gone" ? "gone" : link;
      for (const root of view.page?.querySelectorAll(OURS) ?? [])
        this.rest.set(outermost(/** @type {HTMLElement} */ (root)), view.ended);
    }
    this.#tellAll(true);
  }

  /** @param {boolean} isChecked */
  #tellAll(isChecked) {
    for (const view of this.views) this.#tell(view, isChecked);
    this.#paint();
  }

  /** @param {View} view @param {boolean} isChecked */
  #tell(view, isChecked) {
    view.onLink(view.ended || (this.isDown ? "reconnecting" : "live"), isChecked);
  }

  /** Show the banners that views need, and mark the widgets whose kernel has ended. */
  #paint() {
    const links = new Map([...this.banners.keys()].map((page) => [page, /** @type {Link} */ ("live")]));
    const wanted = new Map(this.rest);
    for (const view of this.views) {
      if (view.el.isConnected) view.page = pageOf(view.el); // notebooks take cells out that are scrolled away
      if (view.ended) wanted.set(outermost(view.el), view.ended);
      if (!view.page) continue;
      const known = links.get(view.page) ?? "live";
      const isEnded = known === "gone" || known === "lost";
      links.set(view.page, isEnded ? known : view.ended || (this.isDown ? "reconnecting" : "live"));
    }
    for (const [page, link] of links) {
      if (!this.banners.has(page)) this.banners.set(page, new Banner(page));
      this.banners.get(page)?.show(link);
    }
    for (const [root, widget] of this.dead)
      if (wanted.get(root) !== root.dataset.owKernel) {
        widget.revive();
        this.dead.delete(root);
      }
    for (const [root, link] of wanted)
      if (!this.dead.has(root)) this.dead.set(root, new DeadWidget(root, link));
  }
}

/**
 * Follow the kernel of a widget: while it is gone, its page tells it and the widget's controls say so.
 * @param {Model<any>} model
 * @param {HTMLElement} el the widget's view, perhaps not in the page yet
 * @param {OnLink} [onLink] called now and at changes; not checked: the kernel has not answered yet
 * @returns {Cleanup}
 */
export function followKernel(model, el, onLink = () => {}) {
  const kernel = model.widget_manager.kernel;
  if (!kernel) return () => {}; // a page without a kernel
  /** @type {any} */
  const page = globalThis;
  /** @type {WeakMap<Kernel, KernelWatch>} */
  const watches = (page[SHARED] ??= new WeakMap());
  if (!watches.has(kernel)) watches.set(kernel, new KernelWatch(kernel));
  const watch = /** @type {KernelWatch} */ (watches.get(kernel));
  const id = model.get("layout").model_id; // made and closed with the widget, whose own id anywidget keeps back
  return watch.add({ id, el, page: null, ended: "", onLink });
}
