// Share links of a page. tests/widgets/pages/test_links_in_page.py compares all queries and sentences with Python's.

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkLink, readLink } from "../../optiwidgets/widgets/pages/page_link.js";
import { NeedsPython } from "../../optiwidgets/widgets/pages/page_needs.js";
import { pythonJson } from "../../optiwidgets/widgets/pages/python_json.js";
import { pythonRepr, shortRepr, shortenedText } from "../../optiwidgets/widgets/pages/python_repr.js";
import { checkedRecipe } from "../../optiwidgets/widgets/pages/recipe_checks.js";
import { recipe } from "./fake_session.js";
import { LINK_RULES } from "./link_rules.js";

const read = (query) => readLink(query, LINK_RULES);
const OPEN = {
  ...{ experiments: { digits: { small: "one" } }, model: "small", policies: ["mobile app"] },
  layersOf: async () => ["head"],
};
const check = async (query) => await checkLink(read(query), LINK_RULES, OPEN);

test("a link names case, model, policy and fields of the recipe, or a seed", () => {
  assert.deepEqual(read('case=digits&model=small+net&sparsity=8e-1&bits=4&layers=[["head",null,8]]'), {
    ...{ case: "digits", model: "small net" },
    recipe: recipe({ sparsity: 0.8, bits: 4, layers: [["head", null, 8]] }),
  });
  assert.deepEqual(read("surprise=7"), { surprise: 7, recipe: recipe() });
  for (const nothing of ["", "&", "theme=dark"]) assert.equal(read(nothing), null);
});

test("one invalid part refuses the whole link, in a sentence", () => {
  const refused = {
    "sparsity=80": /^sparsity is a fraction from 0 to 0.99, not 80.0; for 80 percent write 0.8$/,
    "sparsity=99.5": /not 99.5; 99.5 percent would be 0.995$/,
    "bits=9": /^bits per weight are 1 to 8, 16 or 32, not 9$/,
    "bits=4.5": /not '4.5'$/,
    "pruning=bogus": /^pruning is one of 'global', 'channel', '2:4', not 'bogus'$/,
    "score=": /^score is one of .*, not ''$/,
    "pruning=2:4&sparsity=0.7": /^sparsity=0.7 and pruning='2:4' have no meaning together: it is 0.5/,
    "sparsity=0.5&score=l2": /single weights are scored by 'magnitude'$/,
    "layers=[[1,2,3]]": /^layers are tuples .*, not \[1, 2, 3\]$/,
    "bits=4&bits=4": /^a link names bits once, not twice$/,
    "color=red": /^'color' is not a key of a link: it is one of 'case', 'model'/,
    "constructor=1": /^'constructor' is not a key of a link/,
    "surprise=1000": /^a seed is a whole number 0 to 999, not 1000$/,
    [`seed=${2n ** 53n}`]: /^a page has no seeds above 2\*\*53/,
  };
  for (const [query, reason] of Object.entries(refused))
    assert.throws(() => read(query), { message: reason }, query);
  assert.throws(() => read("a".repeat(4001)), /at most 4,000 characters after the \?, not 4,001/);
});

test("a case, model, policy or layer that is nowhere is refused; one of Python's needs Python", async () => {
  assert.deepEqual(await check("bits=4"), { case: "digits", model: "small" });
  const refused = {
    "case=mice": /^'mice' is not a case: it is one of 'digits', 'smear'$/,
    "model=huge": /^'huge' is not a model/,
    "policy=none": /^'none' is not a policy/,
    'layers=[["tail",null,4]]': /^'tail' is not a layer: it is one of 'head'$/,
    "pruning=channel&score=bn-scale&sparsity=0.5": /^Layer 'deep' has no BatchNorm$/,
  };
  for (const [query, reason] of Object.entries(refused))
    await assert.rejects(
      check(query),
      (error) => !(error instanceof NeedsPython) && reason.test(error.message),
      query,
    );
  for (const query of ["case=smear", "model=wide"]) await assert.rejects(check(query), NeedsPython, query);
});

test("JSON is read as Python reads it, and written as its repr", () => {
  const written =
    '[1, 1.0, -2.5e1, NaN, -Infinity, null, true, "it\'s", {"a": [], "b": 1, "a": {}}, 12345678901234567890]';
  const value = pythonJson(written);
  assert.equal(
    pythonRepr(value),
    "[1, 1.0, -25.0, nan, -inf, None, True, \"it's\", {'a': {}, 'b': 1}, 12345678901234567890]",
  );
  for (const wrong of ["", "[1,]", "01", "1 2", "{1: 2}", '{"a" 1}', "[", '"\t"', "nan", "[".repeat(2000)])
    assert.throws(() => pythonJson(wrong), SyntaxError, wrong);
  assert.deepEqual([shortRepr("x".repeat(58)).length, shortRepr("x".repeat(59)).slice(-5)], [60, "xx..."]);
  assert.deepEqual(
    [shortenedText("x"), shortenedText("ab".repeat(20))],
    ["'x'", "'abababababab...babababababab'"],
  );
});

test("fields that exclude each other are refused", () => {
  const known = { ...LINK_RULES, choices: { scheme: ["symmetric", "ternary"], recovery: ["none", "qat"] } };
  assert.throws(() => checkedRecipe({ bits: 4n, scheme: "ternary" }, known), /bits=4 and scheme='ternary'/);
  assert.throws(() => checkedRecipe({ recovery: "qat" }, known), /bits=32 and recovery='qat'/);
  assert.deepEqual(checkedRecipe({ bits: 2n, scheme: "ternary", sparsity: -0 }, known), recipe({ bits: 2, scheme: "ternary" })); // prettier-ignore
});
