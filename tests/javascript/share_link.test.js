import { fire, frame, microtasks, press, render } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import * as shareLink from "../../optiwidgets/widgets/explorer/share_link.js";

const DATA = { line: "Recipe(sparsity=0.8, bits=8)", query: "sparsity=0.8&bits=8" };

async function share({ served = true, writeText = async () => {} } = {}) {
  const copied = [];
  if (served) document.body.dataset.voila = "";
  else delete document.body.dataset.voila;
  Object.defineProperty(navigator, "clipboard", {
    configurable: true,
    value: {
      writeText: async (text) => {
        copied.push(text);
        await writeText(text);
      },
    },
  });
  const found = models({ panel: { feed: "IPY_MODEL_feed" }, feed: { data: DATA } });
  const { el, end } = await render(shareLink, found.panel);
  const field = (name) => el.querySelector(`input[aria-label=${name}]`);
  const status = () => [...el.querySelectorAll("[role=status]")].map((node) => node.textContent).join("");
  return {
    ...found,
    el,
    end,
    copied,
    field,
    status,
    box: el.querySelector(".ow-lines"),
    open: el.querySelector("button"),
  };
}

test("the link is the page's address with the recipe", async () => {
  const { field } = await share();
  assert.equal(field("Link").value, "http://localhost/lesson?sparsity=0.8&bits=8");
  assert.equal(field("Recipe").value, DATA.line);
});

test("a press opens the lines and copies the link", async () => {
  const { open, box, copied, status } = await share();
  assert.equal(box.hidden, true);
  open.click();
  await microtasks();
  assert.deepEqual([box.hidden, open.getAttribute("aria-expanded")], [false, "true"]);
  assert.deepEqual(copied, ["http://localhost/lesson?sparsity=0.8&bits=8"]);
  assert.equal(status(), "copied");
  open.click();
  assert.deepEqual([box.hidden, status()], [true, ""]);
});

test("a notebook has no link, and copies the recipe", async () => {
  const { open, copied, field } = await share({ served: false });
  assert.equal(field("Link"), null);
  assert.equal(open.textContent, "Copy recipe");
  open.click();
  await microtasks();
  assert.deepEqual(copied, [DATA.line]);
});

test("a clipboard that refuses leaves the line selected", async () => {
  const { open, status, field } = await share({
    writeText: async () => {
      throw new Error("not allowed");
    },
  });
  open.click();
  await microtasks();
  assert.equal(status(), "press Ctrl+C");
  const { selectionStart, selectionEnd, value } = field("Link");
  assert.deepEqual([selectionStart, selectionEnd], [0, value.length]);
  assert.equal(document.activeElement, field("Link"));
});

test("Escape and a press elsewhere close the lines", async () => {
  const { el, open, box } = await share();
  open.click();
  press(box, "Enter");
  assert.equal(box.hidden, false);
  press(box, "Escape");
  assert.deepEqual([box.hidden, document.activeElement], [true, open]);
  open.click();
  fire(el, "pointerdown");
  assert.equal(box.hidden, false);
  fire(document.body, "pointerdown");
  assert.equal(box.hidden, true);
});

test("another recipe takes back that it was copied", async () => {
  const { open, feed, field, status, end } = await share();
  open.click();
  await microtasks();
  feed.receive({ data: { ...DATA } });
  await frame();
  assert.equal(status(), "copied");
  feed.receive({ data: { line: "Recipe(bits=4)", query: "bits=4" } });
  await frame();
  assert.deepEqual(
    [status(), field("Recipe").value, field("Link").value],
    ["", "Recipe(bits=4)", "http://localhost/lesson?bits=4"],
  );
  end();
  assert.equal(feed.listeners, 0);
});
