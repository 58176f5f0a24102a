import { fire, frame, microtasks, pass, place, press, render, texts, until } from "./page.js";
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { fakeKernel } from "./fake_kernel.js";
import { models } from "./fake_model.js";
import { followKernel } from "../../optiwidgets/widgets/base/kernel_watch.js";

const view = { default: { render: ({ model, el }) => followKernel(model, el) } };
const CARD =
  '<button class="ow-check" title="Grades it">Check</button><input type="radio"><a href="#x">more</a>';

/** Traits of a widget: anywidget hands out no id of the model itself. */
const layout = (id) => ({ layout: { model_id: id } });

/** A page with widgets of one kernel: a question and a table, as children of a page or of a notebook. */
async function page({ served = true, parent = document.body } = {}) {
  if (served) document.body.dataset.voila = "";
  else delete document.body.dataset.voila;
  const { quiz, table } = models({ quiz: layout("quiz"), table: layout("table") });
  const kernel = fakeKernel("quiz", "table");
  quiz.widget_manager.kernel = kernel;
  const roots = ["ow-quiz", "ow-compare"].map((name) => {
    const root = place(`jupyter-widgets ${name}`, CARD);
    parent.append(root);
    return root;
  });
  const views = [await render(view, quiz, roots[0]), await render(view, table, roots[1])];
  const marks = () =>
    roots.map((root) => root.querySelector("button").getAttribute("aria-disabled") ?? "enabled");
  const alerts = () => texts(document.body, ".ow-kernel [role=alert]");
  return { kernel, roots, views, quiz, table, marks, alerts, button: roots[0].querySelector("button") };
}

test("a dead kernel is told once, however many widgets the page has", async () => {
  const { kernel, alerts, marks } = await page();
  assert.deepEqual([alerts(), marks()], [[], ["enabled", "enabled"]]);
  kernel.turn("dead");
  kernel.disposed.emit();
  assert.deepEqual(alerts(), ["The kernel has stopped. What you see no longer answers. Reload"]);
  assert.deepEqual(marks(), ["true", "true"]);
});

test("every control of a dead kernel says why, and gets its own title back", async () => {
  const { kernel, button, roots } = await page({ served: false });
  kernel.line("disconnected");
  assert.match(button.title, /^Needs the kernel, and the server does not answer\. Reload the page once/);
  assert.equal(roots[0].dataset.owKernel, "lost");
  kernel.turn("dead");
  assert.equal(roots[0].dataset.owKernel, "gone");
  assert.equal(button.title, "Needs the kernel, which has stopped. Restart the kernel and run all cells.");
  kernel.turn("idle"); // the same kernel answers, with these widgets
  await until(() => button.title === "Grades it", "alive");
  assert.equal(button.hasAttribute("aria-disabled"), false);
  assert.deepEqual([roots[0].dataset.owKernel, texts(document.body, ".ow-kernel p")], [undefined, [""]]);
});

test("a control of a dead kernel takes no click and no key, and the focus can leave it", async () => {
  const { kernel, button, roots } = await page();
  const heard = [];
  for (const type of ["click", "keydown", "pointerdown"])
    button.addEventListener(type, (event) => heard.push(event.type));
  kernel.turn("dead");
  assert.deepEqual(
    [fire(button, "click"), press(button, "Enter"), fire(button, "pointerdown")],
    Array(3).fill(false),
  );
  assert.deepEqual(heard, []);
  assert.equal(press(button, "Tab"), true);
  assert.equal(fire(roots[0].querySelector("a"), "click"), true);
  kernel.turn("idle");
  await microtasks();
  fire(button, "click");
  assert.deepEqual(heard, ["keydown", "click"]);
});

test("a control that works in the page alone stays as it is", async () => {
  const { kernel, roots, button } = await page();
  button.dataset.owOffline = "";
  kernel.turn("dead");
  assert.deepEqual([button.title, fire(button, "click")], ["Grades it", true]);
  assert.equal(roots[0].querySelector("input").getAttribute("aria-disabled"), "true");
});

test("a connection that is down is told and disables nothing; one that returns is as before", async () => {
  const { kernel, marks } = await page();
  kernel.line("connecting");
  assert.deepEqual(texts(document.body, ".ow-kernel [role=status]"), ["Connection lost. Reconnecting ..."]);
  assert.deepEqual(marks(), ["enabled", "enabled"]);
  kernel.line("connected");
  await microtasks();
  assert.deepEqual([texts(document.body, ".ow-kernel p"), marks()], [[""], ["enabled", "enabled"]]);
});

test("a server that comes back has the page alive again", async () => {
  const { kernel, marks, alerts } = await page();
  kernel.line("disconnected");
  assert.deepEqual([marks(), alerts().length], [["true", "true"], 1]);
  kernel.line("connected");
  await until(() => marks()[0] === "enabled", "alive");
  assert.deepEqual([marks(), alerts()], [["enabled", "enabled"], []]);
});

test("after a restart only widgets that the new kernel has are alive", async () => {
  const { kernel, table, marks, alerts, views } = await page({ served: false });
  kernel.turn("restarting");
  kernel.comms = {};
  kernel.turn("idle");
  await microtasks();
  assert.deepEqual([marks(), alerts().length], [["true", "true"], 1]);
  views[0].end(); // its cell runs again
  const again = place("jupyter-widgets ow-quiz", CARD);
  const { quiz } = models({ quiz: layout("quiz") });
  quiz.widget_manager.kernel = kernel;
  await render(view, quiz, again);
  assert.equal(again.querySelector("button").hasAttribute("aria-disabled"), false);
  assert.equal(alerts().length, 1); // the table's cell did not run yet
  views[1].end();
  assert.deepEqual(alerts(), []);
});

test("widgets that do not follow the kernel are marked with the others", async () => {
  const { kernel } = await page();
  const inspect = place("jupyter-widgets ow-inspect", "<select></select>");
  const foreign = place("jupyter-widgets row-1", "<button>Own</button>");
  kernel.turn("dead");
  assert.equal(inspect.querySelector("select").getAttribute("aria-disabled"), "true");
  assert.equal(foreign.querySelector("button").hasAttribute("aria-disabled"), false);
});

test("every notebook of JupyterLab has a banner of its own, below its toolbar", async () => {
  const notebook = place("jp-NotebookPanel", '<div class="jp-Toolbar"></div>'),
    other = place("jp-NotebookPanel");
  const { kernel, alerts } = await page({ served: false, parent: notebook });
  kernel.turn("dead");
  assert.equal(notebook.querySelectorAll(".ow-kernel").length, 1);
  assert.equal(other.querySelectorAll(".ow-kernel").length, 0);
  assert.deepEqual(alerts(), [
    "The kernel has stopped. What you see no longer answers. Restart the kernel and run all cells.",
  ]);
});

test("a view that is put into the page later is told, too", async () => {
  const { quiz } = models({ quiz: layout("quiz") });
  const kernel = fakeKernel();
  quiz.widget_manager.kernel = kernel;
  kernel.status = "dead";
  const root = place("jupyter-widgets ow-quiz", CARD);
  root.remove();
  await render(view, quiz, root);
  assert.equal(document.querySelector(".ow-kernel"), null);
  document.body.append(root);
  await frame();
  assert.equal(texts(document.body, ".ow-kernel [role=alert]").length, 1);
  assert.equal(root.querySelector("button").getAttribute("aria-disabled"), "true");
});

test("the server is asked for the kernel while the connection is down", async () => {
  const answers = [{ status: 200 }, { status: 404 }],
    asked = [];
  const fetching = mock.method(globalThis, "fetch", async (address) => {
    asked.push(String(address));
    return answers.shift();
  });
  const { kernel, alerts } = await page();
  kernel.line("connecting");
  pass(2000);
  await microtasks();
  assert.deepEqual(alerts(), []);
  pass(2000);
  await until(() => alerts().length, "gone");
  assert.deepEqual(asked, Array(2).fill("http://localhost/base/api/kernels/k1"));
  fetching.mock.restore();
});

test("a connection that breaks while the kernel is asked leaves the page as it is", async () => {
  const { kernel, marks } = await page();
  kernel.requestCommInfo = async () => {
    throw new Error("the line broke again");
  };
  kernel.line("connecting");
  kernel.line("connected");
  await microtasks();
  assert.deepEqual(marks(), ["enabled", "enabled"]);
});

test("a page without a kernel is left alone", async () => {
  const { quiz } = models({ quiz: layout("quiz") });
  await render(view, quiz);
  assert.equal(document.querySelector(".ow-kernel"), null);
});
