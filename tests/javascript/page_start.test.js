// The start of a page: models and their views, notes that need Python, files that are loaded once, and the two scripts
// that unpack a page.

import { microtasks, place, press, quietly, texts, until } from "./page.js";
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { afterEach, test } from "node:test";
import { deflateSync } from "node:zlib";
import { startPage } from "../../optiwidgets/widgets/pages/page.js";

const require = createRequire(import.meta.url);
const STARTER = require.resolve("../../optiwidgets/widgets/pages/starter.js");
const COLOURS = require.resolve("../../optiwidgets/widgets/pages/page_colours.js");
const SITE_STARTER = require.resolve("../../optiwidgets/widgets/pages/site_starter.js");
/** Run a script, as a page does. */
function run(script) {
  delete require.cache[script];
  require(script);
}

const fetched = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = fetched;
  delete globalThis.owNeed;
  document.head.replaceChildren();
  delete document.body.dataset.owStarted;
});

/** Files of a site: JSON by address; each is told in the list. A file that is missing has the status 404. */
function serve(files) {
  const asked = [];
  globalThis.fetch = async (address) => {
    asked.push(address);
    if (!(address in files)) return new Response("none", { status: 404 });
    const value = files[address];
    return new Response(deflateSync(typeof value === "string" ? value : JSON.stringify(value)));
  };
  return asked;
}

const PANEL = { "panels/panel.js": { default: {} } };
const OWN = [
  ...[{ name: "VBoxModel", state: { children: ["IPY_MODEL_slider", "IPY_MODEL_button", "IPY_MODEL_tab"] } }],
  ...[{ name: "IntSliderModel", state: { value: 1, min: 0, max: 9, step: 1 } }],
];
const MODELS = {
  ...{ own: OWN[0], slider: OWN[1], button: { name: "ButtonModel", state: { description: "Go" } } },
  tab: { name: "TabModel", state: { children: ["IPY_MODEL_menu"], titles: ["T"], selected_index: null } },
  menu: { name: "DropdownModel", state: { _options_labels: ["a", "b"], index: 0 } },
  panel: { name: "AnyModel", module: "panels/panel.js", state: { bytes: { $bytes: "AQI=" } } },
};
const DATA = {
  ...{ models: MODELS, shown: ["own"], roles: {}, experiments: {}, programs: {} },
  ...{ links: [["Open in Colab", "https://colab.example/x"]], install: "pip install optiwidgets\nx.run()" },
};

/** Start a page; modules by their names. */
async function start(data = {}, modules = {}, rest = {}) {
  const root = place("", '<div data-ow-widget="own">loading</div><div data-ow-widget="panel"></div>');
  const need = (name) => {
    if (!(name in modules)) throw new Error(`no module ${name}`);
    return modules[name];
  };
  const workerAddress = (name) => `worker of ${name}`;
  const page = await startPage({ ...DATA, ...data }, { blocks: {}, need, workerAddress, ...rest });
  return { page, root, find: (selector) => root.querySelector(selector) };
}

// ---- Views ----

test("a widget fills its place, in place of what was there", async () => {
  const { root, page, find } = await start({}, PANEL);
  assert.equal(find("[data-ow-widget=own]").children.length, 1);
  assert.equal(root.textContent.includes("loading"), false);
  find("button").click();
  assert.equal(page.manager.model("slider").get("value"), 1);
});

test("a widget without a place is refused by its name", async () => {
  await assert.rejects(start({ shown: ["menu"] }, PANEL), /no place for the widget menu/);
});

test("a panel's module is initialized once, drawn in its view, and has its bytes", async () => {
  const calls = [];
  const panel = {
    initialize: ({ model }) => calls.push(["initialize", model.get("bytes").getUint8(1)]),
    render: ({ model, el }) => {
      calls.push(["render", model.model_id]);
      el.textContent = "drawn";
    },
  };
  const { find } = await start({ shown: ["own", "panel"] }, { "panels/panel.js": { default: panel } });
  await microtasks();
  assert.deepEqual(calls, [["initialize", 2], ["render", "panel"]]); // prettier-ignore
  assert.equal(find("[data-ow-widget=panel]").textContent, "drawn");
});

// ---- Roles ----

test("a role starts with its models; one that needs none starts nothing", async () => {
  const started = [];
  const quiz = { startQuiz: (role, page) => started.push([role.box.model_id, Object.keys(page.data.roles)]) };
  const roles = { own: { role: "quiz", box: "IPY_MODEL_own" } };
  const { find } = await start({ roles }, { "pages/page_quiz.js": quiz, ...PANEL });
  assert.deepEqual(started, [["own", ["own"]]]);
  assert.equal(find(".ow-needs-python"), null);
});

test("a widget without a role has no live control, and says that it needs Python, with its links", async () => {
  const { page, find, root } = await start({ roles: { own: null } }, PANEL);
  assert.equal(find("button").disabled, true);
  const handle = find("[role=slider]");
  press(handle, "End");
  assert.deepEqual([handle.ariaDisabled, page.manager.model("slider").get("value")], ["true", 1]);
  page.manager.model("tab").set("selected_index", 0); // a menu that is drawn later
  assert.equal(find("select").disabled, true);
  const [note] = texts(root, ".ow-needs-python");
  assert.equal(note, "This needs Python. Open in Colab pip install optiwidgets x.run()");
  assert.equal(find(".ow-needs-python a").getAttribute("href"), "https://colab.example/x");
});

test("a note of Python is put once, changed, and taken away; also in a view that is drawn later", async () => {
  const { page, root } = await start({ links: [], install: "" }, PANEL);
  const model = (id) => page.manager.model(id),
    notes = () => texts(root, ".ow-needs-python");
  for (const reason of ["No.", "No.", "Never."]) page.needsPython(model("own"), reason);
  assert.deepEqual(notes(), ["Never."]);
  page.needsPython(model("own"), "");
  page.needsPython(model("menu"), "Later.");
  assert.deepEqual(notes(), []);
  model("tab").set("selected_index", 0);
  assert.deepEqual(notes(), ["Later."]);
});

// ---- Files ----

test("a page without a program has no runtime, and no weights of layers", async () => {
  const { page } = await start({ experiments: { e: {} }, programs: { e: null } }, PANEL);
  assert.equal(await page.runtime("e"), null);
  assert.equal((await page.layers("e"))({ bits: 4 }), null);
});

test("a model that has no runtime says why, in one file and in a site's", async () => {
  const own = { experiments: { e: {} }, unported: { e: "no Erf" } };
  const { page } = await start(own, PANEL);
  await assert.rejects(page.runtime("e"), { message: "no Erf" });
  serve({ "e.bin": { experiment: {}, program: null, unported: "no Gelu", blocks: {} } });
  const site = await start({ files: { e: "e.bin" }, weights: { e: "w.bin" } }, PANEL);
  await assert.rejects(site.page.runtime("e"), { message: "no Gelu" });
});

test("a runtime is opened once, with the program, its blocks and a worker", async () => {
  const opened = [];
  const worker = { openRuntime: (...all) => opened.push(all) };
  const { page } = await start(
    { experiments: { e: {} }, programs: { e: "program" } },
    { ...PANEL, "pages/runtime_worker.js": worker },
    { blocks: { e: "blocks" } },
  );
  await Promise.all([page.runtime("e"), page.runtime("e")]);
  assert.deepEqual(opened, [["program", "blocks", "worker of pages/runtime_worker.js"]]);
});

test("a site's file is loaded once; its weights when a runtime first needs them", async () => {
  const asked = serve({
    "e.bin": { experiment: {}, program: "program", blocks: { a: 1 } },
    "w.bin": { b: 2 },
  });
  class LateRuntime {
    constructor(...all) {
      this.all = all;
    }
  }
  const { page } = await start(
    { files: { e: "e.bin" }, weights: { e: "w.bin" } },
    {
      ...PANEL,
      "pages/late_runtime.js": { LateRuntime },
      "pages/page_layers.js": { openLayers: (...all) => all },
    },
  );
  const runtime = await page.runtime("e");
  assert.deepEqual(asked, ["e.bin"]);
  const [program, load, worker] = runtime.all;
  assert.deepEqual([program, worker], ["program", "worker of pages/runtime_worker.js"]);
  assert.deepEqual(await load(), { a: 1, b: 2 });
  assert.deepEqual(await page.layers("e"), ["program", { a: 1, b: 2 }]);
  assert.deepEqual(asked, ["e.bin", "w.bin"]);
});

test("after a file was lost the next one who asks tries again", async () => {
  const files = {};
  const asked = serve(files);
  const { page } = await start({ files: { e: "e.bin" } }, PANEL);
  await assert.rejects(page.runtime("e"), /e.bin: 404/);
  files["e.bin"] = { experiment: {}, program: null, blocks: {} };
  assert.equal(await page.runtime("e"), null);
  assert.deepEqual(asked, ["e.bin", "e.bin"]);
});

// ---- Scripts ----

const packed = (value) => deflateSync(value).toString("base64");
const TROUBLES = { old: "Too old.", damaged: "Damaged: {reason}", failed: "Not started: {reason}" };
const script = (id, words) => `<script type="text/plain" id="${id}">${words}</script>`;

/** A page of one file, before its script runs. */
function onePage(blocks = '{"e": {}}') {
  const page = packed(JSON.stringify({ models: {} }));
  const parts = { "ow-troubles": JSON.stringify(TROUBLES), "ow-css": packed("b {}"), "ow-blocks": blocks };
  const all = { ...parts, "ow-bundle": packed("// bundle"), "ow-page": page };
  const inside = Object.entries(all).map(([id, words]) => script(id, words));
  return place("", `<p class="ow-page-trouble" hidden></p>${inside.join("")}`);
}

/** A page of a site, before its script runs. */
function sitePage(data = "d.json") {
  const told = { style: "s.css", bundle: "b.js", data, version: "1.2.3", troubles: TROUBLES };
  return place("", `<p class="ow-page-trouble" hidden></p>${script("ow-site", JSON.stringify(told))}`);
}

/** The bundle's loader; `started` lists what starts. */
function bundle(begin = () => {}) {
  const started = [];
  globalThis.owNeed = (module) => ({
    startSitePath: (version) => started.push([module, version]),
    startPage: async (data, rest) => {
      started.push([module, data, rest]);
      await begin();
    },
  });
  return started;
}
const isStarted = () => "owStarted" in document.body.dataset;
const trouble = (root) => root.querySelector("p");

test("a page of one file unpacks its style, bundle and data, and starts", async () => {
  const root = onePage(),
    started = bundle();
  run(STARTER);
  await until(isStarted, "a page that started");
  const [[module, data, { blocks, workerAddress }]] = started;
  assert.deepEqual([module, data, blocks], ["pages/page.js", { models: {} }, { e: {} }]);
  // the script is gone once it ran: a saved copy of the page runs it once
  assert.deepEqual([texts(document, "style"), texts(document.head, "script")], [["b {}"], []]);
  assert.equal(trouble(root).hidden, true);
  const worker = await (await fetched(workerAddress('a"b.js'))).text();
  assert.equal(worker, '// bundle\nowNeed("a\\"b.js");');
});

test("a file that is damaged says so, with the reason as it is", async () => {
  const root = onePage("[$&");
  bundle();
  run(STARTER);
  await until(() => !trouble(root).hidden, "a trouble");
  assert.match(trouble(root).textContent, /^Damaged: .*\[\$&/);
  assert.equal(isStarted(), false);
});

test("a page of one file that cannot start says why", async () => {
  const errors = quietly();
  const root = onePage(); // no bundle: the browser refused it
  run(STARTER);
  await until(() => !trouble(root).hidden, "a trouble");
  assert.equal(trouble(root).textContent, "Not started: the bundle was refused");
  assert.equal(errors.callCount(), 1);
});

test("an old browser is told, by both scripts", async () => {
  const { DecompressionStream: own } = globalThis;
  delete globalThis.DecompressionStream;
  try {
    const file = onePage();
    run(STARTER);
    assert.deepEqual([trouble(file).textContent, trouble(file).hidden], ["Too old.", false]);
    file.remove();
    const site = sitePage();
    run(SITE_STARTER);
    assert.deepEqual([trouble(site).textContent, trouble(site).hidden], ["Too old.", false]);
  } finally {
    globalThis.DecompressionStream = own;
  }
});

test("a page of a site loads its files, and starts", async () => {
  const asked = serve({ "s.css": "i {}", "b.js": "// shared", "d.json": { models: {} } });
  const root = sitePage(),
    started = bundle();
  run(SITE_STARTER);
  await until(isStarted, "a page that started");
  const [path, [module, data, { blocks, workerAddress }]] = started;
  assert.deepEqual(path, ["pages/site_path.js", "1.2.3"]);
  assert.deepEqual([module, data, blocks, asked], ["pages/page.js", { models: {} }, {}, ["s.css", "b.js", "d.json"]]); // prettier-ignore
  assert.deepEqual([texts(document, "style"), texts(document.head, "script")], [["i {}"], ["// shared"]]);
  assert.equal(await (await fetched(workerAddress("a.js"))).text(), '// shared\nowNeed("a.js");');
  assert.equal(trouble(root).hidden, true);
});

test("a page of a site without widgets shows its progress alone", async () => {
  const asked = serve({ "s.css": "i {}", "b.js": "// shared" });
  sitePage("");
  const started = bundle();
  run(SITE_STARTER);
  await until(isStarted, "a page that started");
  assert.deepEqual([started, asked], [[["pages/site_path.js", "1.2.3"]], ["s.css", "b.js"]]);
});

test("colours are the system's, also when it changes them", () => {
  const { matchMedia: own } = window;
  /** @type {() => void} */
  let hear;
  const system = { matches: true, addEventListener: (_, heard) => void (hear = heard) };
  window.matchMedia = (query) => (query === "(prefers-color-scheme: dark)" ? system : own(query));
  try {
    run(COLOURS);
    assert.equal(document.body.dataset.jpThemeLight, "false");
    system.matches = false;
    hear();
    assert.equal(document.body.dataset.jpThemeLight, "true");
  } finally {
    window.matchMedia = own;
    delete document.body.dataset.jpThemeLight;
  }
});

test("a page of a site that lacks a file, or cannot start, says why", async () => {
  const errors = quietly();
  serve({ "s.css": "i {}", "b.js": "// shared" });
  const lost = sitePage();
  bundle();
  run(SITE_STARTER);
  await until(() => !trouble(lost).hidden, "a trouble");
  assert.equal(trouble(lost).textContent, "Not started: d.json: 404");
  lost.remove();
  serve({ "s.css": "i {}", "b.js": "// shared", "d.json": {} });
  const failing = sitePage();
  bundle(() => {
    throw new Error(`costs $& ${"x".repeat(300)}`);
  });
  run(SITE_STARTER);
  await until(() => !trouble(failing).hidden, "a trouble");
  assert.equal(trouble(failing).textContent, `Not started: costs $& ${"x".repeat(191)}`);
  assert.deepEqual([errors.callCount(), isStarted()], [2, false]);
});
