// Calls functions of a module for a Python test, which compares the results with those of the package:
//   node answer.js < {"modules": ["optiwidgets/...", ...], "calls": [["name", argument, ...], ...]}
// An argument {"$answer": i} stands for the result of call i. Bytes travel as {"$bytes": base64}, typed arrays as {"$f32": base64}, numbers that JSON lacks as {"$number": "nan"}.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const ARRAYS = {
  $u8: Uint8Array,
  $u16: Uint16Array,
  $i16: Int16Array,
  $i32: Int32Array,
  $u32: Uint32Array,
  $f32: Float32Array,
  $f64: Float64Array,
};
const encoded = (view) => Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString("base64");

function unpack(key, value) {
  const [name, data] = value && typeof value === "object" ? (Object.entries(value)[0] ?? []) : [];
  if (name === "$bytes") return new DataView(Uint8Array.from(Buffer.from(data, "base64")).buffer);
  if (name === "$number") return Number(data);
  if (!(name in ARRAYS)) return value;
  return new ARRAYS[name](Uint8Array.from(Buffer.from(data, "base64")).buffer);
}

function pack(value) {
  if (typeof value === "number" && !Number.isFinite(value)) return { $number: String(value) };
  if (value instanceof DataView) return { $bytes: encoded(value) };
  const array = Object.entries(ARRAYS).find(([, kind]) => value instanceof kind);
  if (array) return { [array[0]]: encoded(value) };
  if (Array.isArray(value)) return value.map(pack);
  if (!value || typeof value !== "object") return value ?? null;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, pack(each)]));
}

/** Replace {"$answer": i}, at any depth, by that result. */
function refer(value, results) {
  if (Array.isArray(value)) return value.map((each) => refer(each, results));
  if (value?.constructor !== Object) return value;
  if ("$answer" in value) return results[value.$answer];
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, refer(each, results)]));
}

const { modules, calls } = JSON.parse(readFileSync(0, "utf8"), unpack);
const functions = {};
for (const module of modules) Object.assign(functions, await import(pathToFileURL(resolve(module))));
const results = [];
for (const [name, ...values] of calls) results.push(await functions[name](...refer(values, results)));
process.stdout.write(JSON.stringify(results.map(pack)));
