// Results of the class: tables that renew themselves, sorted by a click on a column's head.

import { openChannel } from "./class_channel.js";
import { part } from "./page_parts.js";

/** @import { Message, Socket } from "./class_types" */

const RENEW_MS = 5000;

/**
 * Start the page.
 * @param {(address: string) => Socket} [connect]
 */
export function start(connect) {
  const tables = /** @type {HTMLElement} */ (document.querySelector("#tables"));
  const status = /** @type {HTMLElement} */ (document.querySelector("#status"));
  const names = /** @type {HTMLElement} */ (document.querySelector("#names"));
  /** @type {Map<string, { column: number, isDown: boolean }>} order of each table, by its label */
  const orders = new Map();
  tables.addEventListener("click", ({ target }) => {
    const head = /** @type {Element} */ (target).closest("th");
    const table = head?.closest("table");
    if (!head || !table) return;
    const column = [...(head.parentElement?.children ?? [])].indexOf(head);
    const before = orders.get(labelOf(table));
    const isDown = before?.column === column ? !before.isDown : false;
    orders.set(labelOf(table), { column, isDown });
    sortTables(tables, orders);
  });
  document.querySelector("#print")?.addEventListener("click", () => print());
  const renew = async () => {
    const answer = await fetch("/class/results?tables").catch(() => null); // the server is gone: the next one answers
    status.textContent = answer?.ok ? "" : "No connection: the tables are as they were.";
    if (!answer?.ok || tables.contains(document.activeElement)) return; // the focus stays where it is
    tables.innerHTML = await answer.text();
    sortTables(tables, orders);
  };
  const timer = setInterval(renew, RENEW_MS);
  /** @param {Message} message */
  const receive = (message) => {
    if (message.type === "names") names.replaceChildren(namesChoice(message.on, channel.send));
  };
  const channel = openChannel("teacher", receive, () => {}, connect);
  return {
    close() {
      clearInterval(timer);
      channel.close();
    },
  };
}

/** @param {Element} table */
const labelOf = (table) => table.getAttribute("aria-label") ?? "";

/**
 * Order the rows of each table as its reader chose.
 * @param {HTMLElement} tables
 * @param {Map<string, { column: number, isDown: boolean }>} orders
 */
export function sortTables(tables, orders) {
  for (const table of tables.querySelectorAll("table")) {
    const order = orders.get(labelOf(table));
    if (!order) continue;
    const { column, isDown } = order;
    const textOf = (/** @type {Element} */ row) => row.children[column].textContent ?? "";
    const rows = [...table.querySelectorAll("tbody tr")].sort((one, other) =>
      compare(textOf(one), textOf(other)),
    );
    table.querySelector("tbody")?.replaceChildren(...(isDown ? rows.reverse() : rows));
    [...table.querySelectorAll("th")].forEach((head, i) => {
      if (i === column) head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }
}

/**
 * Compare numbers by value, texts by the alphabet; empty cells come first.
 * @param {string} one
 * @param {string} other
 */
function compare(one, other) {
  const isNumber =
    one !== "" && other !== "" && Number.isFinite(Number(one)) && Number.isFinite(Number(other));
  return isNumber ? Number(one) - Number(other) : one.localeCompare(other);
}

/**
 * Create the box that switches names on.
 * @param {boolean} on
 * @param {(message: object) => boolean} send
 */
function namesChoice(on, send) {
  const box = part("input", { type: "checkbox", checked: on });
  box.addEventListener("change", () => send({ type: "names", on: box.checked }));
  const words = " Ask students for a nickname, and show it here (names are personal data: see HOSTING)";
  return part("label", {}, box, words);
}
