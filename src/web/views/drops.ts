/** What became of frames, by reason. */
import { html, type TemplateResult } from 'lit';
import type { OverviewReply, VerdictOverview } from '../../control/protocol.ts';
import { formatCount, formatRate } from '../format.ts';
import { totalGraph } from '../graph/lines.ts';
import { isDrop, sortVerdicts } from '../state/verdicts.ts';
import { graph } from './graph.ts';
import { scrolled } from './parts.ts';
import type { Ui } from './ui.ts';

export function dropsView({ verdicts, drops }: OverviewReply, ui: Ui): TemplateResult {
  const reasons = sortVerdicts(verdicts.filter(isDrop));
  const others = sortVerdicts(verdicts.filter((each) => !isDrop(each)));
  return html`
    <section aria-label="Drops per second">
      <div class="graphs one">${graph(totalGraph(ui.samples, 'drops'))}</div>
    </section>
    <section aria-labelledby="drops-title">
      <h2 id="drops-title">
        Drops
        <small>${formatCount(drops.frames)} since start, ${formatCount(drops.lastMinute)} in the last minute</small>
      </h2>
      ${reasons.length === 0 ? html`<p class="empty">No frame was dropped.</p>` : verdictTable('Table of drops', reasons)}
    </section>
    <section aria-labelledby="others-title">
      <h2 id="others-title">All other frames</h2>
      ${others.length === 0 ? html`<p class="empty">None yet.</p>` : verdictTable('Table of all other frames', others)}
    </section>
  `;
}

const verdictTable = (label: string, verdicts: readonly VerdictOverview[]): TemplateResult =>
  scrolled(
    label,
    html`<table class="verdicts">
      <thead>
        <tr>
          <th scope="col">Verdict</th>
          <th scope="col" class="number">Since start</th>
          <th scope="col" class="number">Last minute</th>
          <th scope="col" class="number">Per second</th>
        </tr>
      </thead>
      <tbody>
        ${verdicts.map(
          ({ verdict, frames, lastMinute, perSec }) =>
            html`<tr>
              <th scope="row">${verdict}</th>
              <td class="number">${formatCount(frames)}</td>
              <td class="number">${formatCount(lastMinute)}</td>
              <td class="number">${formatRate(perSec)}</td>
            </tr>`,
        )}
      </tbody>
    </table>`,
  );
