// Rules of links for tests: a model of two cases, of which a page has one.

export const LINK_RULES = {
  keys: ["case", "model", "policy", "sparsity", "pruning", "score", "bits", "layers", "seed", "surprise"],
  ...{ servers: ["theme"], seeds: 1000, cases: { digits: ["small", "wide"], smear: ["small"] } },
  ...{ impossible: { "bn-scale": "Layer 'deep' has no BatchNorm." }, patterns: { "2:4": 0.5 } },
  choices: { pruning: ["global", "channel", "2:4"], score: ["magnitude", "l2", "bn-scale"] },
  ...{ channel_scores: ["magnitude", "l2", "bn-scale"], weight_scores: ["magnitude"] },
};
