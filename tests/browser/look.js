// What a stylesheet came to: colours as the screen mixes them, sizes, and what sticks out.
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  /** Red, green, blue 0..1 and alpha of any CSS colour. */
  const pixel = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].map((channel) => channel / 255);
  };
  const luminance = (color) => { // WCAG 2
    const [r, g, b] = pixel(color).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  /** Whether the text of a node, to the fraction of a pixel, lies within its box. */
  const inside = (node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    return range.getBoundingClientRect().width <= node.getBoundingClientRect().width + 0.05;
  };
  const cell = (node) => {
    const { color, backgroundColor, fontSize } = getComputedStyle(node);
    return {
      text: node.textContent, tone: node.dataset.tone, depth: Number(node.dataset.depth),
      opaque: pixel(backgroundColor)[3] === 1, contrast: contrast(color, backgroundColor),
      size: parseFloat(fontSize), fits: node.scrollWidth <= node.clientWidth, inside: inside(node),
    };
  };
  const scrolls = (node) => {
    const { overflowX, overflowY } = getComputedStyle(node);
    const can = (overflow) => node === document.documentElement || /auto|scroll/.test(overflow);
    return (can(overflowX) && node.scrollWidth > node.clientWidth)
      || (can(overflowY) && node.scrollHeight > node.clientHeight);
  };
  const around = (node) => node ? [node, ...around(node.parentElement)] : [];
  const PANELS = [".ow-cards", ".ow-matrices", ".ow-classes", ".ow-bytes", ".ow-changes", ".ow-waterfall",
    ".ow-speed", ".ow-history", ".ow-weights", ".ow-scenes", ".ow-thresholds",
    ".ow-recall"].map((panel) => `.ow-explorer ${panel}`).join();
  /** Edges that cut a node's contents off, of the boxes around it; what can be scrolled to is not cut. */
  const edges = (node, known) => {
    if (!known.has(node)) {
      const { overflowX, overflowY } = getComputedStyle(node), box = node.getBoundingClientRect();
      const root = node.matches(".ow-explorer"), own = root || node.matches("td, th, [role=gridcell], .ow-key");
      const found = {
        x: own || /hidden|clip/.test(overflowX), y: /hidden|clip/.test(overflowY), box,
        last: root || /auto|scroll/.test(overflowX),
      };
      known.set(node, found);
    }
    return known.get(node);
  };
  const isCut = (text, known) => {
    const range = document.createRange();
    range.selectNodeContents(text);
    const { left, right, top, bottom, width } = range.getBoundingClientRect();
    for (let node = text.parentElement; width && node; node = node.parentElement) {
      const { x, y, box, last } = edges(node, known);
      if (x && (left < box.left - 0.5 || right > box.right + 0.5)) return true;
      if (y && (top < box.top - 2 || bottom > box.bottom + 2)) return true;
      if (last) return false;
    }
    return false;
  };
  /** Numbers of all panels that are cut off, by the panel they are in. */
  const cut = () => {
    const known = new Map(), found = [];
    for (const panel of document.querySelectorAll(PANELS)) {
      if (!panel.checkVisibility({ visibilityProperty: true })) continue;
      const texts = document.createTreeWalker(panel, NodeFilter.SHOW_TEXT);
      while (texts.nextNode()) {
        const { data, parentElement: around } = texts.currentNode;
        if (/\d/.test(data) && !around.closest("[hidden]") && isCut(texts.currentNode, known))
          found.push(`${panel.className.split(" ").find((name) => name.startsWith("ow-"))}: ${data}`);
      }
    }
    return found;
  };
  const twoFrames = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  /** What `look` finds at each width of the explorer's container, by width; nothing where it finds nothing. */
  const atWidths = async (look) => {
    const root = document.querySelector(".ow-explorer"), found = {};
    for (let width = 320; width <= 2560; width += 40) {
      root.style.width = `${width}px`;
      await twoFrames();
      const seen = look();
      if (seen.length) found[width] = seen;
    }
    root.style.width = "";
    await twoFrames();
    return found;
  };
  /** Cells smaller than 26 px, and cells whose digits are hidden. */
  const shrunk = () => [...document.querySelectorAll(".ow-matrix [role=gridcell]")]
    .filter((node) => node.getBoundingClientRect().width < 26 || !parseFloat(getComputedStyle(node).fontSize))
    .map((node) => node.getAttribute("aria-label"));
  /** Digits that a canvas draws wider than the cell it filled before, while `paint` runs. */
  const overdrawn = () => {
    const found = [], { fillText, roundRect } = CanvasRenderingContext2D.prototype;
    let room = 0;
    CanvasRenderingContext2D.prototype.roundRect = function (x, y, width, ...more) {
      room = width;
      return roundRect.call(this, x, y, width, ...more);
    };
    CanvasRenderingContext2D.prototype.fillText = function (text, ...more) {
      found.count += 1;
      if (this.measureText(text).width > room) found.push(`${text} in ${room} px`);
      return fillText.call(this, text, ...more);
    };
    found.count = 0;
    found.end = () => Object.assign(CanvasRenderingContext2D.prototype, { fillText, roundRect });
    return found;
  };
  /** Texts of the cards that are cut off, shortened, or stand outside of their card's inner edges. */
  const cutCards = () => [...document.querySelectorAll(".ow-cards .ow-card")].flatMap((card) => {
    if (!card.checkVisibility()) return [];
    const style = getComputedStyle(card), box = card.getBoundingClientRect(), known = new Map();
    const edge = (side) => parseFloat(style[`border${side}Width`]) + parseFloat(style[`padding${side}`]);
    const left = box.left + edge("Left") - 0.5, right = box.right - edge("Right") + 0.5;
    const found = [...card.querySelectorAll("h2, p, small, span")]
      .filter((node) => node.clientWidth && node.scrollWidth > node.clientWidth).map((node) => node.textContent);
    const texts = document.createTreeWalker(card, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const range = document.createRange(), node = texts.currentNode;
      if (!node.data.trim() || node.parentElement.closest("svg")) continue;
      range.selectNodeContents(node);
      const text = range.getBoundingClientRect();
      if (text.width && (text.left < left || text.right > right || isCut(node, known))) found.push(node.data);
    }
    return found;
  });
  window.owLook = {
    cutCards,
    /** The same at each width of the container, in the page of an explorer and in those of lessons. */
    cardsCutAtWidths: () => {
      const root = document.querySelector(".ow-explorer"), dress = root.className, found = {};
      for (const more of ["", "ow-lesson", "ow-lesson ow-no-size", "ow-lesson ow-no-size ow-no-speed"]) {
        root.className = `${dress} ${more}`;
        for (let width = 320; width <= 2560; width += 40) {
          root.style.width = `${width}px`;
          const seen = cutCards();
          if (seen.length) found[`${width} ${more}`] = seen;
        }
      }
      root.className = dress;
      root.style.width = "";
      return found;
    },
    /** Numbers cut off at some width of the container, and cells of a matrix that are too small. */
    cutAtWidths: () => atWidths(() =>
      document.querySelector(".ow-matrices").checkVisibility() ? [...cut(), ...shrunk()] : cut()),
    /** The same of numbers on canvases while a slider is dragged, and how many were drawn. */
    overdrawnAtWidths: async () => {
      const drawn = overdrawn();
      const found = await atWidths(() => drawn.splice(0));
      drawn.end();
      return [found, drawn.count];
    },
    cut,
    cells: () => [...document.querySelectorAll(".ow-matrix [role=gridcell]")].map(cell),
    cell,
    scrolling: () => around(document.querySelector(".ow-explorer")).filter(scrolls)
      .map((node) => `${node.tagName}.${node.className}`),
  };
}
