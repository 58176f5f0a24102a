// Formats of Python in JavaScript; tests/widgets/pages/test_python_format.py compares thousands of values.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import {
  asciiJson,
  fixed,
  format,
  formatNumber,
  general,
  pythonFloat,
  pythonText,
  roundDecimals,
  say,
  sayPlural,
  urlQuery,
} from "../../optiwidgets/widgets/pages/python_format.js";

afterEach(() => {
  delete globalThis.OW_MESSAGES;
  delete globalThis.OW_PLURALS;
});

test("a number halfway between two gets the even last digit", () => {
  assert.deepEqual(
    [0.5, 1.5, 2.5, -0.5, 2.51].map((number) => fixed(number, 0)),
    ["0", "2", "2", "-0", "3"],
  );
  assert.deepEqual(
    [fixed(0.25, 1), fixed(0.35, 1), fixed(1e22, 1)],
    ["0.2", "0.3", "10000000000000000000000.0"],
  );
  assert.equal(roundDecimals(2.675, 2), 2.67);
});

test("a format has a sign, thousands, decimals and a kind", () => {
  assert.deepEqual(
    [
      formatNumber(2, "+.1f"),
      formatNumber(-1234567, ","),
      formatNumber(1234.5, ",.1f"),
      formatNumber(0.25, ".0%"),
    ],
    ["+2.0", "-1,234,567", "1,234.5", "25%"],
  );
  assert.deepEqual(
    [general(2), general(1e6), general(0.00001), general(12.5)],
    ["2", "1e+06", "1e-05", "12.5"],
  );
  assert.throws(() => formatNumber(2, "x"), /a number has no format x/);
});

test("floats and texts are repeated as in Python's code", () => {
  assert.deepEqual([2, 0.8, 1e-5, 1e16, -0].map(pythonFloat), ["2.0", "0.8", "1e-05", "1e+16", "-0.0"]);
  assert.deepEqual(["it's", 'a\n"b"', "\u202e"].map(pythonText), ['"it\'s"', "'a\\n\"b\"'", "'\\u202e'"]);
  assert.equal(asciiJson('ß"'), '"\\u00df\\""');
  assert.equal(urlQuery({ case: "a b(c)", layers: '[["ß",1]]' }), 'case=a+b%28c%29&layers=[["%C3%9F",1]]');
});

test("values that look like fields are not filled again", () => {
  assert.equal(format("{name} of {n:,}, {other}", { name: "{n}", n: 1500 }), "{n} of 1,500, {other}");
});

test("a message is looked up before it is filled", () => {
  globalThis.OW_MESSAGES = { "{x:.1f} points": "{x:.3f} Punkte" };
  assert.deepEqual([say("{x:.1f} points", { x: 2 }), say("none")], ["2.000 Punkte", "none"]);
  assert.equal(sayPlural(["{n:,} image", "{n:,} images"], 1500), "1,500 images");
  globalThis.OW_PLURALS = {
    forms: { "{n:,} image": ["{n:,} Bild", "{n:,} Bilder"] },
    choice: "10".padEnd(200, "1"),
  };
  assert.deepEqual(
    [1, 1500].map((n) => sayPlural(["{n:,} image", "{n:,} images"], n)),
    ["1 Bild", "1,500 Bilder"],
  );
});
