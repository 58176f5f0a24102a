// Writes down what the explorer claims beside where its controls stand: in owNotes at every change,
// whoever makes it; in owFrames as each frame left it, which is what an eye can see.
() => {
  const root = document.querySelector(".ow-explorer");
  const handles = [...root.querySelectorAll("[role=slider]")];
  const model = [...root.querySelectorAll("select")].find((node) => [...node.options].some((option) => option.value === "small"));
  const look = () => ({
    state: root.dataset.owState,
    recipe: JSON.parse(root.dataset.owRecipe),
    bytes: Number(root.querySelector("[data-ow=bytes]").dataset.owValue),
    sparsity: Number(handles[0].getAttribute("aria-valuenow")),
    bits: Number(handles[1].getAttribute("aria-valuenow")),
    model: model.value,
  });
  const notes = window.owNotes = [], frames = window.owFrames = [];
  window.owRecorder?.disconnect();
  window.owRecorder = new MutationObserver(() => notes.push(look()));
  const watch = (node, ...names) =>
    window.owRecorder.observe(node, { attributes: true, attributeFilter: names });
  watch(root, "data-ow-state", "data-ow-recipe");
  handles.forEach((handle) => watch(handle, "aria-valuenow"));

  const frame = () => {
    if (window.owFrames !== frames) return; // a later recording has begun
    frames.push(look());
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}
