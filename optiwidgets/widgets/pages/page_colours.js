// Light or dark as the reader's system: everything follows the attribute that a notebook's theme sets. It runs before
// the page is drawn.
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const paint = () => void (document.body.dataset.jpThemeLight = String(!dark.matches));
  dark.addEventListener("change", paint);
  paint();
})();
