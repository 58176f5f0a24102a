import "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { Platform, findApi } from "../../optiwidgets/widgets/pages/scorm_api.js";
import { FakeApi } from "./scorm_lesson.js";

/** A window whose look-ups a browser refuses, as those into another site's page. */
const foreign = () =>
  new Proxy({}, { get: (_, name) => refuse(new DOMException(`Blocked: ${String(name)}`, "SecurityError")) });
const refuse = (error) => {
  throw error;
};
const top = (more = {}) => {
  const made = { ...more };
  return Object.assign(made, { parent: made });
};

test("the platform's object is found in the window, a parent, the opener, the opener's parents", () => {
  const API = {};
  const parent = top({ API });
  assert.equal(findApi(top({ API })), API);
  assert.equal(findApi({ parent: { parent } }), API);
  assert.equal(findApi(top({ opener: parent })), API);
  assert.equal(findApi({ parent: top(), opener: { parent } }), API);
});

test("no object is found in windows without one, in a circle of windows, in other sites' windows", () => {
  const one = {};
  one.parent = { parent: one };
  assert.equal(findApi(top()), null);
  assert.equal(findApi(one), null);
  assert.equal(findApi({ parent: foreign(), opener: foreign() }), null);
});

test("a window at the top is looked at once", () => {
  let looks = 0;
  const window = top();
  Object.defineProperty(window, "API", { get: () => void looks++ });
  assert.equal(findApi(window), null);
  assert.equal(looks, 1);
});

test("an error that is not the browser's refusal is not hidden", () => {
  const broken = new Proxy({}, { get: () => refuse(new RangeError("broken")) });
  assert.throws(() => findApi(broken), RangeError);
});

test("calls that succeed give no reason", () => {
  const api = new FakeApi();
  const platform = new Platform(api);
  assert.deepEqual(
    [platform.open(), platform.set("cmi.core.exit", "suspend"), platform.save()],
    ["", "", ""],
  );
  assert.equal(platform.get("cmi.core.exit"), "suspend");
  assert.equal(platform.close(), "");
  const methods = api.calls.map(([method]) => method);
  assert.deepEqual(methods, ["LMSInitialize", "LMSSetValue", "LMSCommit", "LMSFinish"]);
});

test("a platform that answers true and not a text has succeeded", () => {
  assert.equal(new Platform({ LMSInitialize: () => true }).open(), "");
});

test("a failure is told in the platform's own words, 200 characters of them", () => {
  const api = new FakeApi();
  api.fails = { LMSCommit: ["101", "General Exception"], LMSInitialize: ["102", "x".repeat(10_000)] };
  const platform = new Platform(api);
  assert.equal(platform.save(), "General Exception (101)");
  assert.equal(platform.open().length, 200);
});

test("a platform that answers nothing, lacks a method or throws has failed", () => {
  assert.equal(new Platform({ LMSCommit: () => undefined }).save(), "LMSCommit: no answer");
  assert.match(new Platform({}).open(), /^LMSInitialize: .*not a function$/);
  const api = new FakeApi();
  api.fails = { LMSCommit: "throws" };
  assert.equal(new Platform(api).save(), "LMSCommit: it is gone");
  assert.equal(new Platform({}).get("cmi.suspend_data"), "");
});

test("an optional element that is not implemented is left out without a word", () => {
  const api = new FakeApi();
  api.fails = {
    "cmi.core.score.min": ["401", "Not implemented"],
    "cmi.core.score.max": ["405", "Wrong type"],
  };
  const platform = new Platform(api);
  assert.equal(platform.setOptional("cmi.core.score.min", 0), "");
  assert.equal(platform.set("cmi.core.score.min", 0), "Not implemented (401)");
  assert.equal(platform.setOptional("cmi.core.score.max", 100), "Wrong type (405)");
});
