// Cards: what it is, one big number, what it was, one plain sentence.

function card(name, ...figures) {
  const title = element("h2");
  const line = element("p", { className: "ow-big" }, ...figures);
  const reason = element("p", { className: "ow-reason" });
  const box = element("section", { className: "ow-card", "aria-label": name }, title, line, reason);
  return { box, title, reason };
}

const figure = (name, className = "") => element("span", { "data-ow": name, className });

function show(node, value, text) {
  node.dataset.owValue = value;
  write(node, text);
}

async function render({ model, el }) {
  const accuracy = figure("accuracy"), was = element("small");
  const drop = figure("drop"), size = figure("bytes"), ratio = figure("ratio", "ow-beside");
  const cards = [card("Accuracy", accuracy, was), card("Drop", drop), card("Size", size, ratio)];
  el.classList.add("ow-cards");
  el.append(...cards.map((c) => c.box));

  return draw(model, (data) => {
    const { baseline, optimized, drop: d } = data;
    show(accuracy, optimized.accuracy, `${percent(optimized.accuracy)} %`);
    write(was, `from ${percent(baseline.accuracy)} %`);
    write(cards[0].title, `Accuracy · ${thousands(data.images)} ${data.part} images`);
    write(cards[0].reason, `95 % between ${percent(optimized.interval[0])} and ${percent(optimized.interval[1])}`);
    show(drop, d.points, `${d.points.toFixed(1)} points`);
    write(cards[1].title, "Drop · same images, before and after");
    write(cards[1].reason,
      `95 % between ${d.low.toFixed(1)} and ${d.high.toFixed(1)}: ${d.lost} images lost, ${d.gained} gained`);
    show(size, optimized.bytes, bytes(optimized.bytes));
    show(ratio, optimized.ratio, `${optimized.ratio.toFixed(1)} × smaller`);
    write(cards[2].title, "Size · packed file");
    write(cards[2].reason, `${thousands(optimized.bytes)} bytes, from ${thousands(baseline.bytes)}`);
  });
}

export default { render };
