// Writes down, at every change of the explorer, what it claims beside where its controls stand.
() => {
  const root = document.querySelector(".ow-explorer");
  const handles = [...root.querySelectorAll("[role=slider]")];
  const model = root.querySelector("select");
  const note = () => window.owNotes.push({
    state: root.dataset.owState,
    recipe: JSON.parse(root.dataset.owRecipe),
    bytes: Number(root.querySelector("[data-ow=bytes]").dataset.owValue),
    sparsity: Number(handles[0].getAttribute("aria-valuenow")),
    bits: Number(handles[1].getAttribute("aria-valuenow")),
    model: model.value,
  });
  window.owNotes = [];
  window.owRecorder?.disconnect();
  window.owRecorder = new MutationObserver(note);
  const watch = (node, ...names) =>
    window.owRecorder.observe(node, { attributes: true, attributeFilter: names });
  watch(root, "data-ow-state", "data-ow-recipe");
  handles.forEach((handle) => watch(handle, "aria-valuenow"));
  model.addEventListener("change", () => queueMicrotask(note));
}
