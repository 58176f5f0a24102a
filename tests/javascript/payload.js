// Payloads as the kernel sends them, worked out here from counts alone.

/** Numbers as the kernel sends them: little-endian, in a view that starts inside its buffer. */
export function view(numbers, kind = "Int32") {
  const data = new DataView(new ArrayBuffer(8 + 4 * numbers.length), 8);
  numbers.forEach((number, i) => data[`set${kind}`](4 * i, number, true));
  return data;
}

export const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/** One report of a confusion matrix, rows are the truth. */
export function report(matrix, values = {}) {
  const right = matrix.map((row, i) => row[i]);
  const columns = matrix.map((_, i) => sum(matrix.map((row) => row[i])));
  const share = (part, whole) => (whole ? part / whole : null);
  const parts = values.parts ?? { codes: 600, masks: 300, scales: 100 };
  return {
    counts: view(matrix.flat()),
    accuracy: sum(right) / sum(matrix.flat()),
    interval: [0.5, 0.95],
    average_precision: 0.875,
    precision: right.map((n, i) => share(n, columns[i])),
    recall: right.map((n, i) => share(n, sum(matrix[i]))),
    parts,
    bytes: sum(Object.values(parts)),
    ratio: 1,
    estimated: false,
    macs: 120000,
    parameters: 4000,
    ...values,
  };
}

export const BEFORE = [
  [48, 1, 1],
  [0, 39, 1],
  [2, 0, 8],
];
export const AFTER = [
  [45, 3, 2],
  [0, 40, 0],
  [6, 0, 4],
];

/** The explorer's payload: three classes, 100 images, 80 % pruned. */
export function payload(values = {}) {
  return {
    recipe: { sparsity: 0.8, bits: 8, layers: [] },
    settings: [16, 5],
    classes: ["cat", "dog", "owl"],
    images: 100,
    out_of: 100,
    part: "exploration",
    lead: { name: "Accuracy", spoken: "accuracy", value: 0.89 },
    positive: null,
    clear: view([0, 6, 8]),
    baseline: report(BEFORE, { parts: { weights: 16000, header: 384 } }),
    optimized: report(AFTER, {
      parts: { codes: 3000, masks: 1000, header: 96 },
      ratio: 4,
      macs: 40000,
      parameters: 1000,
    }),
    drop: { points: 6, low: 1.25, high: 10.75, lost: 8, gained: 2, p: 0.109375 },
    few: {},
    worst: { class: 2, points: 40 },
    latency: null,
    sparse: null,
    untimed: "it starts once no control moves",
    agreement: 0.99,
    things: "images",
    notes: ["8-bit weights alone run as floats: smaller, not faster."],
    verdict: {
      grade: "bad",
      word: "Bad",
      judged: true,
      reasons: ["drop 6.0 points", "owl fell"],
      policy: "default",
      limit: 2,
      worst_limit: 5,
    },
    ...values,
  };
}
