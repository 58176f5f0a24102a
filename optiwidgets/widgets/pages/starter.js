// Unpacks and starts a page of one file. It runs before anything else, so that a browser that cannot says so.
(async () => {
  const byId = (/** @type {string} */ id) => document.getElementById(id)?.textContent ?? "";
  /** @type {Record<string, string>} */
  const troubles = JSON.parse(byId("ow-troubles"));
  /** @param {string} cause @param {unknown} [error] */
  const tell = (cause, error) => {
    const line = /** @type {HTMLElement} */ (document.querySelector(".ow-page-trouble"));
    const reason = error instanceof Error ? error.message : String(error ?? "");
    line.textContent = troubles[cause].replace("{reason}", () => reason.slice(0, 200));
    line.hidden = false;
  };
  /** @param {string} id */
  const unpack = async (id) => {
    const letters = atob(byId(id)),
      packed = new Uint8Array(letters.length);
    for (let i = 0; i < packed.length; i++) packed[i] = letters.charCodeAt(i);
    const { body } = new Response(packed); // a Blob's stream would go through the browser's process
    return await new Response(body?.pipeThrough(new DecompressionStream("deflate"))).text();
  };
  document.querySelector(".ow-page-opening")?.remove(); // the file is complete: this script is its end
  if (typeof DecompressionStream === "undefined") return tell("old");
  let css, bundle, page, blocks;
  try {
    [css, bundle, page] = await Promise.all(["ow-css", "ow-bundle", "ow-page"].map(unpack));
    page = JSON.parse(page);
    blocks = JSON.parse(byId("ow-blocks"));
  } catch (error) {
    return tell("damaged", error);
  }
  // A browser saves the document as it stands: a saved copy finds its stylesheet, and no second bundle.
  delete document.body.dataset.owStarted;
  const style = document.getElementById("ow-style") ?? document.createElement("style");
  style.id = "ow-style";
  style.textContent = css;
  document.head.append(style);
  const script = document.createElement("script");
  script.textContent = bundle; // the page's policy names its hash
  document.head.append(script);
  script.remove();
  try {
    const { owNeed } = /** @type {any} */ (globalThis);
    if (!owNeed) throw new Error("the bundle was refused");
    /** @param {string} module */
    const workerAddress = (module) =>
      URL.createObjectURL(
        new Blob([bundle, `\nowNeed(${JSON.stringify(module)});`], { type: "text/javascript" }),
      );
    await owNeed("pages/page.js").startPage(page, { blocks, need: owNeed, workerAddress });
    document.body.dataset.owStarted = "";
  } catch (error) {
    console.error(error);
    tell("failed", error);
  }
})();
