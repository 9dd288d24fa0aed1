/** A graph with its title and its values in words. */
import { html, type TemplateResult } from 'lit';
import { describeGraph, extentOf, formatPerSec, type GraphModel } from '../graph/lines.ts';
import '../graph/rate-graph.ts';

export function graph(model: GraphModel): TemplateResult {
  const extent = extentOf(model.lines[0]?.values ?? []);
  return html`<figure class="graph">
    <figcaption>
      <span class="title">${model.title}</span>
      ${
        extent === null
          ? html`<span class="peak">no values yet</span>`
          : html`<span class="now">${extent.now === null ? '–' : formatPerSec(model.unit, extent.now)}</span>
              <span class="peak">highest ${formatPerSec(model.unit, extent.highest)}</span>`
      }
    </figcaption>
    <rate-graph role="img" aria-label=${describeGraph(model)} .model=${model}></rate-graph>
  </figure>`;
}
