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
  window.owLook = {
    cells: () => [...document.querySelectorAll(".ow-matrix [role=gridcell]")].map(cell),
    cell,
    scrolling: () => around(document.querySelector(".ow-explorer")).filter(scrolls)
      .map((node) => `${node.tagName}.${node.className}`),
  };
}
