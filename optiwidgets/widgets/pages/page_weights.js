// Tab "Weights" of a page without a kernel: histograms of a layer before and after (Python: layer_weights.py).

import { mark, text } from "../base/texts.js";
import { dressModel, isOpen, onTab } from "./panel_parts.js";
import { weightsPayload } from "./weights_payload.js";

/** @import { PageSession, PanelModels } from "./session_types" */
/** @import { Page } from "./static_types" */
/** @import { LayerWeights } from "./weights_payload.js" */
/** @import { Recipe } from "../base/types" */

const ALL_CHANNELS = mark("all");

/**
 * Start the weights. Models: tabs, tab, layer, channel, chart.
 * @param {Pick<Page, "needsPython">} page
 * @param {PanelModels} models
 * @param {PageSession} session
 * @param {(recipe: Recipe) => Promise<LayerWeights[] | null>} layersOf weights of the open model by a recipe; null where
 *   the page cannot compute them
 */
export function startWeights(page, models, session, layersOf) {
  const { layer, channel, chart } = models;
  /** @type {LayerWeights[]} */
  let layers = [];
  /** @type {(number | null)[]} */
  let channels = [null];
  let asked = 0,
    painting = false;
  /** Offer single channels if each has its own scale. @param {LayerWeights} one */
  const offerChannels = ({ values, outputs }) => {
    const own = values.length > 1 && [...Array.from(outputs)].every((output) => output >= 0);
    const before = channels[channel.get("index")] ?? null;
    channels = own ? [null, ...Array.from(outputs)] : [null];
    channel.set({
      _options_labels: channels.map((output) => (output === null ? text(ALL_CHANNELS) : String(output))),
      index: Math.max(0, channels.indexOf(before)),
      disabled: !own,
      tooltip: own ? null : text("All channels of this layer share one scale."),
    });
  };
  const paint = () => {
    if (!layers.length || painting) return;
    painting = true; // the menus are set meanwhile
    const index = layer.get("index");
    offerChannels(layers[index]);
    chart.set("data", weightsPayload(layers, index, channels[channel.get("index")]));
    painting = false;
  };
  /** @param {LayerWeights[]} found */
  const take = (found) => {
    const names = found.map(({ name }) => name);
    layers = [];
    if (JSON.stringify(layer.get("_options_labels")) !== JSON.stringify(names)) {
      const sizes = found.map(({ before }) => before.length);
      layer.set({ _options_labels: names, index: sizes.indexOf(Math.max(...sizes)) });
    }
    layers = found;
    paint();
  };
  const update = async () => {
    if (!isOpen(models)) return;
    const turn = ++asked,
      found = await layersOf(session.run.recipe);
    if (turn !== asked) return; // a newer run is on its way
    if (found) take(found);
    dressModel(chart, "ow-stale", !found);
    page.needsPython(chart, found ? "" : text("The weights of this recipe need Python."));
  };
  session.on("run", update);
  session.on("baseline", update);
  layer.on("change:index", paint);
  channel.on("change:index", paint);
  onTab(models, update);
  update();
}
