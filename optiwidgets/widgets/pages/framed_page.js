// A page without a kernel as a module of anywidget. The page is in a frame: neither its styles nor its ids meet those
// of the host, which may have put the element into a shadow root. `page_module.py` writes OW_FRAMED in front of this file.

/** Height in pixels, unless the model has another; the page scrolls inside. */
const HEIGHT = 900;

/**
 * Show the page. Of the model only `get` is used: some hosts throw at every other call.
 * @param {{ model: { get(name: string): unknown }, el: HTMLElement }} context
 */
function renderFramed({ model, el }) {
  const { html, title } = /** @type {NonNullable<typeof OW_FRAMED>} */ (OW_FRAMED);
  const height = Number(model.get("height"));
  const frame = document.createElement("iframe");
  frame.title = title;
  frame.style.cssText = `display: block; width: 100%; height: ${height > 0 ? height : HEIGHT}px; border: 0`;
  frame.srcdoc = html;
  el.append(frame);
  return () => frame.remove();
}

export default { render: renderFramed };
