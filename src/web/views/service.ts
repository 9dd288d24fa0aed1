/** One service: what it is, its graphs, its servers, what happened to it. */
import { html, type TemplateResult } from 'lit';
import type { OverviewReply, ServiceOverview } from '../../control/protocol.ts';
import { endpointText } from '../endpoint.ts';
import { formatBytes, formatCount } from '../format.ts';
import { serviceGraph } from '../graph/lines.ts';
import { serversUp, serviceCondition } from '../state/condition.ts';
import { slotsOf } from '../state/graphed.ts';
import { sortServers } from '../state/service-list.ts';
import type { State } from '../state/state.ts';
import { graph } from './graph.ts';
import { historyTable } from './history.ts';
import { badge } from './parts.ts';
import { serversTable } from './servers.ts';
import type { Ui } from './ui.ts';

const ENTRIES_SHOWN = 20;

export function serviceView(state: State, overview: OverviewReply, key: string, ui: Ui): TemplateResult {
  const service = overview.services.find((each) => each.key === key);
  if (service === undefined)
    return html`<p class="back"><a href="#/">‹ All services</a></p>
      <h2>${key}</h2>
      <p class="empty">There is no such service now.</p>`;
  const servers = sortServers(state.serversOf === key ? overview.servers : []);
  const known = servers.map(({ server }) => endpointText(server));
  const slots = slotsOf(state.graphed, known);
  return html`
    <p class="back"><a href="#/">‹ All services</a></p>
    <div class="above"><h2>${key} ${badge(serviceCondition(service))}</h2></div>
    ${facts(service)}
    <section aria-label="Traffic of this service">
      <div class="graphs three">
        ${(['connections', 'packets', 'bytes'] as const).map((metric) =>
          graph(serviceGraph(ui.samples, metric, key, slots)),
        )}
      </div>
    </section>
    <section aria-labelledby="servers-title">
      <h2 id="servers-title">Servers <small>${formatCount(service.servers)}</small></h2>
      ${
        servers.length === 0
          ? html`<p class="empty">${service.servers === 0 ? 'It has no servers. diradm -a adds one.' : 'Asking for them …'}</p>`
          : serversTable(service, servers, slots, ui)
      }
    </section>
    <section aria-labelledby="past-title">
      <h2 id="past-title">What happened</h2>
      ${historyTable(state.history.filter((entry) => entry.service === key).slice(0, ENTRIES_SHOWN), overview.timeMs)}
    </section>
  `;
}

const facts = (service: ServiceOverview): TemplateResult => html`
  <dl class="facts">
    ${fact('Scheduler', service.scheduler)}
    ${fact('Servers', `${serversUp(service)} up, ${service.down} down, ${service.drained} drained`)}
    ${fact('Connections', `${formatCount(service.activeConnections)} active, ${formatCount(service.inactiveConnections)} inactive`)}
    ${fact('Totals', `${formatCount(service.counters.connections)} connections, ${formatBytes(service.counters.inBytes)}`)}
  </dl>
`;

const fact = (name: string, value: string): TemplateResult =>
  html`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;
