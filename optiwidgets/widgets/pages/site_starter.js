// Starts a page of a site: its progress, then its widgets, from their state and from files that all pages share. It
// runs before anything else, so that a browser that cannot says so.
(async () => {
  /** @type {{ bundle: string, style: string, data: string, version: string, troubles: Record<string, string> }} */
  const told = JSON.parse(document.getElementById("ow-site")?.textContent ?? "");
  /** @param {string} cause @param {unknown} [error] */
  const tell = (cause, error) => {
    const line = /** @type {HTMLElement} */ (document.querySelector(".ow-page-trouble"));
    const reason = error instanceof Error ? error.message : String(error ?? "");
    line.textContent = told.troubles[cause].replace("{reason}", () => reason.slice(0, 200));
    line.hidden = false;
  };
  /** @param {string} address */
  const load = async (address) => {
    if (!address) return ""; // a page without widgets
    const response = await fetch(address);
    if (!response.ok || !response.body) throw new Error(`${address}: ${response.status}`);
    return await new Response(response.body.pipeThrough(new DecompressionStream("deflate"))).text();
  };
  if (typeof DecompressionStream === "undefined") return tell("old");
  try {
    const [css, bundle, data] = await Promise.all([told.style, told.bundle, told.data].map(load));
    const style = document.createElement("style");
    style.textContent = css;
    document.head.append(style);
    const script = document.createElement("script");
    script.textContent = bundle; // the page's policy names its hash
    document.head.append(script);
    const { owNeed } = /** @type {any} */ (globalThis);
    if (!owNeed) throw new Error("the bundle was refused");
    /** @param {string} module */
    const workerAddress = (module) =>
      URL.createObjectURL(
        new Blob([bundle, `\nowNeed(${JSON.stringify(module)});`], { type: "text/javascript" }),
      );
    owNeed("pages/site_path.js").startSitePath(told.version);
    if (data)
      await owNeed("pages/page.js").startPage(JSON.parse(data), { blocks: {}, need: owNeed, workerAddress });
    document.body.dataset.owStarted = "";
  } catch (error) {
    console.error(error);
    tell("failed", error);
  }
})();
