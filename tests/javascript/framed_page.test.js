// The module of a page in a frame, in hosts that give little more than `get`.

import { place } from "./page.js";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import framed from "../../optiwidgets/widgets/pages/framed_page.js";

beforeEach(() => {
  globalThis.OW_FRAMED = { html: '<p title="4">4 bits</p>', title: "Explorer" };
});
afterEach(() => {
  delete globalThis.OW_FRAMED;
});

/** Show the module to a host whose model has one value; every call but `get` is missing. */
function shown(height) {
  const el = place("");
  return { el, end: framed.render({ model: { get: (name) => ({ height })[name] }, el }) };
}

test("the page is the content of a frame with a title, and goes with its view", () => {
  const { el, end } = shown();
  const [frame] = el.children;
  assert.equal(frame.srcdoc, '<p title="4">4 bits</p>');
  assert.equal(frame.title, "Explorer");
  end();
  assert.equal(el.children.length, 0);
});

for (const [height, expected] of [
  [undefined, "900px"],
  [null, "900px"],
  [500, "500px"],
  ["650", "650px"],
  [-1, "900px"],
  ["red; position: fixed", "900px"],
])
  test(`a height of ${height} is one of ${expected}`, () => {
    const { el } = shown(height);
    assert.equal(el.firstElementChild.style.height, expected);
    assert.equal(el.firstElementChild.style.position, "");
  });
