// Three confusion matrices of images; a cell opens its images.

import { boxed, draw, percent, referred, thousands } from "../base/panel_runtime.js";
import { mark, plural, text } from "../base/texts.js";
import { renderMatrices } from "./matrices.js";

/** @import { CellImagesTraits, Context, FeedData, MatricesTraits, Model, ReportData } from "../base/types" */

const INVITATION = mark("Nothing changed yet: drag a slider to see which images move.");

/** @param {ReportData} report */
const title = ({ accuracy, interval: [low, high] }) =>
  text("{accuracy} % right, 95 %: {low}–{high}", {
    accuracy: percent(accuracy),
    low: percent(low),
    high: percent(high),
  });

/**
 * Whether the shown report is the baseline's own. A hidden recipe's data has no verdict.
 * @param {Partial<FeedData> & Pick<FeedData, "images" | "out_of">} data
 */
const isUntouched = ({ verdict, covered, images, out_of }) =>
  !covered && verdict?.judged === false && images >= out_of;

/** @param {Context<MatricesTraits>} context */
async function render(context) {
  const { model } = context,
    cellImages = model.get("cell_images");
  /** @type {Model<CellImagesTraits> | null} */
  const opened = cellImages ? await referred(model, cellImages) : null;
  /** @param {number} cell */
  const open = (cell) => {
    opened?.set({ cell, image: -1 });
    opened?.save_changes();
  };
  return renderMatrices(context, {
    follow: (/** @type {(data: FeedData) => void} */ paint) => draw(model, paint),
    open: opened && open,
    opened: (/** @type {FeedData} */ data) => data.cell?.cell ?? -1,
    label: (cell, n, shown) =>
      plural("{cell}, {n} image", "{cell}, {n} images", Math.abs(n), { cell, n: shown }),
    count: (n, shown) => plural("{n} image", "{n} images", Math.abs(n), { n: shown }),
    total: (n, truth) =>
      plural("of {n} image with truth {truth}", "of {n} images with truth {truth}", n, {
        n: thousands(n),
        truth,
      }),
    none: text("no images"),
    titles: ({ baseline, optimized }) => [title(baseline), title(optimized)],
    invitation: (data) =>
      isUntouched(data) ? text(INVITATION) : text("No count changed: go further, and images move."),
    noise: text("Images that entered and left the cell: p of McNemar's exact test is 0.05 or more"),
  });
}

export default { render: boxed(render) };
