// Waterfall of sizes by the page's model: all numbers but two, which need Python's encoders (Python: size_breakdown.py).

import { sizeSteps } from "./size_steps.js";

/** @import { SizeData } from "../base/types" */
/** @import { WeighedRun } from "./page_types" */
/** @import { LayerWeights } from "./weights_payload.js" */

/** @param {number} count @param {number} bits */
const packedLength = (count, bits) => Math.ceil((count * bits) / 8);

/** @param {Record<string, number>} parts */
const whole = (parts) => Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);

/**
 * The waterfall of a run, without the file that is entropy-coded as a whole and without tutorials' zlib. Null for a
 * model whose state has more than its parameters, such as the statistics of a BatchNorm.
 * @param {number} raw bytes of the untouched model's state, four for each parameter
 * @param {Pick<WeighedRun, "parameters">} baseline
 * @param {Pick<WeighedRun, "recipe" | "parts" | "parameters">} run
 * @param {LayerWeights[]} layers of the run's recipe
 * @returns {SizeData | null}
 */
export function computedSizes(raw, baseline, run, layers) {
  if (raw !== 4 * baseline.parameters) return null;
  const { parts } = run,
    { bits } = run.recipe,
    remaining = 4 * run.parameters;
  /** @param {(layer: LayerWeights) => number} bytes */
  const sum = (bytes) => layers.reduce((all, layer) => all + bytes(layer), 0);
  const packed = parts.biases + sum(({ stored }) => packedLength(stored.kept, bits)),
    placed = packed + sum(({ stored }) => (stored.kept < stored.count ? packedLength(stored.count, 1) : 0)),
    scaled = placed + parts.scales, // a page has no codebooks; its tables are those of the entropy coder
    entropy = sum(({ stored }) => stored.entropyBits) / 8;
  return {
    steps: sizeSteps(
      [
        raw,
        remaining < raw ? remaining : null,
        parts.biases + sum(({ stored }) => 4 * stored.kept),
        ...[packed, placed, scaled, scaled + parts.header],
        null,
        whole(parts),
      ],
      bits,
    ),
    estimate_bytes: entropy + parts.biases + parts.scales,
    tutorial_bytes: null,
  };
}
