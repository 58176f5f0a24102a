import { fire, frame, microtasks, place, quietly, render } from "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { models } from "./fake_model.js";
import { view } from "./payload.js";
import * as runtime from "../../optiwidgets/widgets/base/panel_runtime.js";

const { boxed, draw, element, safely, write } = runtime;
const panel = (paint) => ({ default: { render: boxed(({ model }) => draw(model, paint)) } });
const fed = (data) => models({ panel: { feed: "IPY_MODEL_feed" }, feed: { data } });

test("referred finds the model behind a reference, and fails for one that is gone", async () => {
  const { panel, feed } = fed(1);
  assert.equal(await runtime.referred(panel, "IPY_MODEL_feed"), feed);
  await assert.rejects(runtime.referred(panel, "IPY_MODEL_other"), /no model other/);
});

test("element sets attributes and properties, each as such", () => {
  const node = element(
    "button",
    { className: "x", "aria-label": "Go", role: "tab", disabled: true },
    "a",
    element("b"),
  );
  assert.equal(node.getAttribute("aria-label"), "Go");
  assert.equal(node.getAttribute("role"), "tab");
  assert.equal(node.className, "x");
  assert.equal(node.disabled, true);
  assert.equal(node.innerHTML, "a<b></b>");
});

test("draw paints at once and then once a frame, with the newest data", async () => {
  const { panel: model, feed } = fed("first");
  const painted = [];
  await render(
    panel((data) => painted.push(data)),
    model,
  );
  assert.deepEqual(painted, ["first"]);
  feed.receive({ data: "second" });
  feed.receive({ data: "third" });
  assert.deepEqual(painted, ["first"]);
  assert.equal(await frame(), 1);
  assert.deepEqual(painted, ["first", "third"]);
  assert.equal(await frame(), 0);
});

test("draw ends without a callback or a frame left", async () => {
  const { panel: model, feed } = fed("first");
  const painted = [];
  const { end } = await render(
    panel((data) => painted.push(data)),
    model,
  );
  feed.receive({ data: "second" });
  end();
  assert.equal(await frame(), 0);
  assert.equal(feed.listeners, 0);
  assert.deepEqual(painted, ["first"]);
});

test("boxed keeps an error of render in the box of its panel", async () => {
  const errors = quietly();
  const root = place();
  const failing = {
    default: {
      render: boxed(() => {
        throw new Error("no such layer");
      }),
    },
  };
  const { el } = await render(failing, models({ panel: {} }).panel, root);
  const { el: other } = await render(
    panel(() => {}),
    fed(1).panel,
    root,
  );
  assert.match(el.querySelector("[role=alert]").textContent, /cannot be drawn \(no such layer\)/);
  assert.ok(el.classList.contains("ow-broken"));
  assert.equal(other.querySelector("[role=alert]"), null);
  assert.equal(errors.callCount(), 1);
});

test("boxed catches a promise that is rejected, too", async () => {
  quietly();
  const { el } = await render(
    panel(() => {}),
    models({ panel: { feed: "IPY_MODEL_gone" } }).panel,
  );
  assert.match(el.querySelector(".ow-trouble").textContent, /no model gone/);
});

test("a panel that fails shows one message, and none once it paints again", async () => {
  quietly();
  const { panel: model, feed } = fed({ classes: ["cat"] });
  const { el } = await render(
    panel((data) => data.classes.length),
    model,
  );
  for (const data of [{}, { classes: null }]) {
    feed.receive({ data });
    await frame();
    assert.equal(el.querySelectorAll(".ow-trouble").length, 1);
    assert.ok(el.classList.contains("ow-broken"));
  }
  feed.receive({ data: { classes: [] } });
  await frame();
  assert.equal(el.querySelector(".ow-trouble"), null);
  assert.ok(!el.classList.contains("ow-broken"));
});

test("safely gives its work the event, and never throws", async () => {
  const errors = quietly();
  const { panel: model } = fed(1);
  const seen = [];
  const { el } = await render(
    {
      default: {
        render: boxed(({ el }) => {
          el.addEventListener(
            "click",
            safely(model, ({ type }) => {
              seen.push(type);
              if (seen.length === 1) throw "a text";
            }),
          );
        }),
      },
    },
    model,
  );
  fire(el, "click");
  assert.match(el.querySelector(".ow-trouble").textContent, /\(a text\)/);
  fire(el, "click");
  await microtasks();
  assert.equal(el.querySelector(".ow-trouble"), null);
  assert.deepEqual([seen, errors.callCount()], [["click", "click"], 1]);
});

test("a long message is cut", async () => {
  quietly();
  const { el } = await render(
    panel(() => {
      throw new Error("x".repeat(1000));
    }),
    fed(1).panel,
  );
  assert.equal(el.querySelector(".ow-trouble").textContent.match(/x+/)[0].length, 200);
});

test("little-endian numbers are read from a view that starts inside its buffer", () => {
  assert.deepEqual(runtime.integers(view([3, 0, -1, 70000])), [3, 0, -1, 70000]);
  assert.deepEqual(runtime.floats(view([0.5, -2, 1e6], "Float32")), [0.5, -2, 1e6]);
});

test("write changes only what differs and keeps the text node", () => {
  const node = element("p", {}, "old");
  const text = node.firstChild;
  assert.equal(write(node, "old"), false);
  assert.equal(write(node, "new"), true);
  assert.equal(node.firstChild, text);
  assert.equal(write(text, "newer"), true);
  assert.equal(write(text, "newer"), false);
  assert.equal(node.textContent, "newer");
  node.append(element("b", {}, "!"));
  assert.equal(write(node, ""), true);
  assert.equal(node.childNodes.length, 0);
  node.append(element("b", {}, "!"));
  assert.equal(write(node, "text in place of an element"), true);
  assert.equal(node.innerHTML, "text in place of an element");
  write(node, "");
  assert.equal(node.childNodes.length, 0);
});

test("numbers are told with their units", () => {
  assert.deepEqual(
    [runtime.percent(0.98765), runtime.percent(1, 0), runtime.percent(null)],
    ["98.8", "100", "none"],
  );
  assert.deepEqual(
    [runtime.signed(3), runtime.signed(-2), runtime.signed(0), runtime.signed(0.25, 1)],
    ["+3", "-2", "0", "+0.3"],
  );
  assert.equal(runtime.thousands(1234567), "1,234,567");
  assert.deepEqual(
    [runtime.bytes(1023), runtime.bytes(1024), runtime.bytes(2560)],
    ["1023 B", "1.0 KiB", "2.5 KiB"],
  );
});
