/** The servers of a service, also the legend of its graphs. */
import { html, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { ServerOverview, ServiceOverview } from '../../control/protocol.ts';
import { endpointText } from '../endpoint.ts';
import { formatByteRate, formatCount, formatMs, formatRate, formatSpan } from '../format.ts';
import { serverCondition } from '../state/condition.ts';
import { type Graphed, toggled } from '../state/graphed.ts';
import { badge, scrolled } from './parts.ts';
import type { Ui } from './ui.ts';

export const serversTable = (
  service: ServiceOverview,
  servers: readonly ServerOverview[],
  slots: Graphed,
  ui: Ui,
): TemplateResult =>
  scrolled(
    'Table of servers',
    html`<table class="servers">
      <thead>
        <tr>
          <th scope="col" class="wide">Graph</th>
          <th scope="col">State</th>
          <th scope="col">Server</th>
          <th scope="col" class="number wide">Weight</th>
          <th scope="col" class="number wide">In force</th>
          <th scope="col" class="number wide">Active</th>
          <th scope="col" class="number wide">Inactive</th>
          <th scope="col" class="number">Conn/s</th>
          <th scope="col" class="number wide">Packets/s</th>
          <th scope="col" class="number wide">Bytes/s</th>
          <th scope="col" class="wide">Last check</th>
          <th scope="col">Drain</th>
        </tr>
      </thead>
      <tbody>
        ${repeat(
          servers,
          ({ server }) => endpointText(server),
          (server) => row(service, server, slots, ui),
        )}
      </tbody>
    </table>`,
  );

function row(service: ServiceOverview, server: ServerOverview, slots: Graphed, ui: Ui): TemplateResult {
  const name = endpointText(server.server);
  return html`
    <tr>
      <td class="wide">${lineToggle(name, slots, ui)}</td>
      <td>${badge(serverCondition(server))}${since(server)}</td>
      <th scope="row">${name}${cause(server)}${inShort(server)}</th>
      <td class="number wide">${server.weight}</td>
      <td class="number wide">${server.weightInForce}</td>
      <td class="number wide">${formatCount(server.activeConnections)}</td>
      <td class="number wide">${formatCount(server.inactiveConnections)}</td>
      <td class="number">${formatRate(server.rates.connections)}</td>
      <td class="number wide">${formatRate(server.rates.inPackets)}</td>
      <td class="number wide">${formatByteRate(server.rates.inBytes)}</td>
      <td class="wide">${lastCheck(server)}</td>
      <td>${drainButton(service, server, name, ui)}</td>
    </tr>
  `;
}

function lineToggle(name: string, slots: Graphed, ui: Ui): TemplateResult {
  const slot = slots.indexOf(name);
  const isShown = slot >= 0;
  return html`<button
    type="button"
    class="line-toggle ${isShown ? `line-${slot}` : ''}"
    aria-pressed=${isShown}
    aria-label="Line of ${name} in the graphs"
    title=${isShown ? 'Take its line out of the graphs' : 'Draw its line in the graphs'}
    ?disabled=${!isShown && !slots.includes(null)}
    @click=${() => ui.dispatch({ type: 'graphed', slots: toggled(slots, name) })}
  >
    <svg viewBox="0 0 28 8" width="28" height="8" aria-hidden="true"><path d="M1 4H27" /></svg>
  </button>`;
}

/** The daemon knows since when a server is up or down, not since when it is drained. */
const since = (server: ServerOverview): TemplateResult | null =>
  server.sinceSec === null || serverCondition(server).word !== server.state
    ? null
    : html`<small class="note">for ${formatSpan(server.sinceSec)}</small>`;

const cause = ({ state, cause }: ServerOverview): TemplateResult | null =>
  state !== 'down' || cause === '' ? null : html`<small class="note cause">${cause}</small>`;

/** On a narrow screen, in place of columns. */
const inShort = ({ activeConnections, weight, weightInForce, last }: ServerOverview): TemplateResult =>
  html`<small class="note narrow"
    >${formatCount(activeConnections)} active, weight ${weightInForce} of ${weight}${
      last === null ? '' : `, checked ${formatSpan(last.agoSec)} ago`
    }</small
  >`;

function lastCheck({ last, cause: known }: ServerOverview): TemplateResult {
  if (last === null) return html`<span class="none">none yet</span>`;
  const { ok, cause, durationMs, agoSec } = last;
  const outcome = ok ? 'passed' : cause === known ? 'failed' : `failed: ${cause}`;
  return html`${outcome}<small class="note">${formatMs(durationMs)}, ${formatSpan(agoSec)} ago</small>`;
}

function drainButton(
  { service, key }: ServiceOverview,
  { server, drained, activeConnections }: ServerOverview,
  name: string,
  ui: Ui,
): TemplateResult {
  const ask = () => ui.askDrain({ service, serviceKey: key, server, activeConnections, drained: !drained });
  return html`<button type="button" class="drain" @click=${ask}>
    ${drained ? 'Undrain' : 'Drain'}<span class="unseen"> ${name}</span>
  </button>`;
}
