// Tallies of a vote: a bar an option, or a histogram of numbers with the right one marked; two rounds side by side.

import { part, said, withUnit } from "./page_parts.js";

/** @import { Vote } from "./class_types" */

const MOST_BINS = 20;
const ROUNDS = ["first round", "second round"];

/**
 * Create the chart of a vote's tallies.
 * @param {Vote} vote
 * @param {number[][]} rounds counts of positions, for each round
 */
export function chartOf(vote, rounds) {
  const chart = vote.kind === "choice" ? bars(vote, rounds) : histogram(vote, rounds);
  const told = rounds.map((counts, i) => {
    const answers = sum(counts) === 1 ? "1 answer" : `${sum(counts)} answers`;
    const words = rounds.length > 1 ? `${ROUNDS[i]}: ${answers}` : answers;
    return part("span", { className: `ow-class-key ow-class-round-${i + 1}` }, words);
  });
  return part(
    "div",
    { className: "ow-class-chart" },
    chart,
    part("p", { className: "ow-class-keys" }, ...told),
  );
}

/** @param {number[]} counts */
const sum = (counts) => counts.reduce((all, count) => all + count, 0);

/**
 * @param {Vote} vote
 * @param {number[][]} rounds
 */
function bars(vote, rounds) {
  const rows = (vote.options ?? []).map((option, position) => {
    const lines = rounds.map((counts, i) => {
      const share = counts[position] / Math.max(1, sum(counts));
      const bar = part("span", { className: `ow-class-fill ow-class-round-${i + 1}` });
      bar.style.width = `${100 * share}%`;
      const count = part(
        "span",
        { className: "ow-class-count" },
        `${counts[position]} (${Math.round(100 * share)} %)`,
      );
      return part(
        "div",
        { className: "ow-class-line" },
        part("span", { className: "ow-class-rail" }, bar),
        count,
      );
    });
    const label = said("p", "ow-class-label", option);
    if (vote.truth === position) label.append(part("span", { className: "ow-class-right" }, " ✓ right"));
    return part("li", {}, label, ...lines);
  });
  return part("ul", { className: "ow-class-bars" }, ...rows);
}

/**
 * Group neighbouring positions, so that at most 20 columns are drawn.
 * @param {number[]} counts
 */
export function binned(counts) {
  const width = Math.ceil(counts.length / MOST_BINS);
  const bins = Array.from({ length: Math.ceil(counts.length / width) }, (_, i) =>
    sum(counts.slice(i * width, (i + 1) * width)),
  );
  return { width, bins };
}

/**
 * @param {Vote} vote
 * @param {number[][]} rounds
 */
function histogram(vote, rounds) {
  const { low = 0, step = 1, unit, truth } = vote;
  const all = rounds.map(binned);
  const most = Math.max(1, ...all.flatMap(({ bins }) => bins));
  const { width, bins } = all[0];
  const columns = bins.map((_, bin) => {
    const first = low + bin * width * step,
      last = low + Math.min((bin + 1) * width - 1, rounds[0].length - 1) * step;
    const range = first === last ? withUnit(first, unit) : `${withUnit(first)} to ${withUnit(last, unit)}`;
    const pair = all.map((round, i) => {
      const fill = part("span", { className: `ow-class-column ow-class-round-${i + 1}` });
      fill.style.height = `${(100 * round.bins[bin]) / most}%`;
      return fill;
    });
    const counts = all.map((round) => round.bins[bin]).join(" and ");
    return part("li", { title: `${range}: ${counts}`, "aria-label": `${range}: ${counts}` }, ...pair);
  });
  const plot = part(
    "div",
    { className: "ow-class-plot" },
    part("ul", { className: "ow-class-columns" }, ...columns),
  );
  if (truth !== undefined) {
    const mark = part(
      "div",
      { className: "ow-class-truth" },
      part("span", {}, `right: ${withUnit(truth, unit)}`),
    );
    const share = ((truth - low) / step + 0.5) / (bins.length * width);
    mark.style.left = `${100 * share}%`;
    mark.classList.toggle("ow-class-left", share > 0.6);
    plot.append(mark);
  }
  const end = low + (rounds[0].length - 1) * step;
  const ends = [low, end].map((value) => part("span", {}, withUnit(value, unit)));
  return part("div", {}, plot, part("p", { className: "ow-class-ends" }, ...ends));
}
