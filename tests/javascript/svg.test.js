import "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { svgElement } from "../../optiwidgets/widgets/base/svg.js";

test("an SVG element has its namespace, attributes and children", () => {
  const text = svgElement("text", { x: 1.5, class: "ow-axis", "text-anchor": "end" }, "50 %");
  const group = svgElement("g", {}, text);
  assert.equal(text.namespaceURI, "http://www.w3.org/2000/svg");
  assert.deepEqual(
    ["x", "class", "text-anchor"].map((name) => text.getAttribute(name)),
    ["1.5", "ow-axis", "end"],
  );
  assert.equal(group.firstChild, text);
  assert.equal(group.textContent, "50 %");
});
