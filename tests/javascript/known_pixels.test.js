import "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { view } from "./payload.js";
import { keepPixels, pixelsOf } from "../../optiwidgets/widgets/panels/known_pixels.js";

const bytes = (values) => new DataView(Uint8Array.from(values).buffer);

test("pixels of one colour become grey, those of three keep theirs", () => {
  keepPixels({ images: "grey", indices: view([7]), shape: [1, 2, 1], values: bytes([10, 200]) });
  assert.deepEqual([...pixelsOf("grey", 7).data], [10, 10, 10, 255, 200, 200, 200, 255]);
  const values = bytes([0, 0, 0, 1, 2, 3]);
  keepPixels({ images: "colour", indices: view([0, 4]), shape: [1, 1, 3], values });
  assert.deepEqual([...pixelsOf("colour", 4).data], [1, 2, 3, 255]);
  assert.equal(pixelsOf("colour", 7), undefined);
});
