/** All services: graphs of their sum, and a table. */
import { html, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { OverviewReply, ServiceOverview } from '../../control/protocol.ts';
import { formatByteRate, formatCount, formatRate } from '../format.ts';
import { totalGraph } from '../graph/lines.ts';
import { serversUp, serviceCondition } from '../state/condition.ts';
import { hashOf } from '../state/route.ts';
import {
  filterServices,
  pageOf,
  type ServiceColumn,
  type Sorting,
  sortServices,
} from '../state/service-list.ts';
import type { State } from '../state/state.ts';
import { graph } from './graph.ts';
import { badge, filterField, pageTurner, scrolled } from './parts.ts';
import type { Ui } from './ui.ts';

interface Column {
  readonly column: ServiceColumn;
  readonly title: string;
  /** `number`: set right. `wide`: left out on a narrow screen. */
  readonly classes: string;
}

const COLUMNS: readonly Column[] = [
  { column: 'state', title: 'State', classes: '' },
  { column: 'service', title: 'Service', classes: '' },
  { column: 'scheduler', title: 'Scheduler', classes: 'wide' },
  { column: 'servers', title: 'Servers up', classes: 'number' },
  { column: 'active', title: 'Active', classes: 'number wide' },
  { column: 'inactive', title: 'Inactive', classes: 'number wide' },
  { column: 'connections', title: 'Conn/s', classes: 'number' },
  { column: 'packets', title: 'Packets/s', classes: 'number wide' },
  { column: 'bytes', title: 'Bytes/s', classes: 'number wide' },
];

export function servicesView(state: State, overview: OverviewReply, ui: Ui): TemplateResult {
  const { sorting, serviceList } = state;
  const found = sortServices(filterServices(overview.services, serviceList.filter), sorting);
  const page = pageOf(found, serviceList.page);
  return html`
    <section aria-labelledby="traffic-title">
      <h2 id="traffic-title" class="unseen">Traffic of all services</h2>
      <div class="graphs four">
        ${(['connections', 'packets', 'bytes', 'drops'] as const).map((metric) =>
          graph(totalGraph(ui.samples, metric)),
        )}
      </div>
    </section>
    <section aria-labelledby="services-title">
      <div class="above">
        <h2 id="services-title">Services <small>${summary(overview.services, found)}</small></h2>
        ${filterField('serviceList', serviceList.filter, 'Filter', ui)}
      </div>
      ${
        overview.services.length === 0
          ? html`<p class="empty">No virtual service is configured. diradm -A adds one.</p>`
          : scrolled('Table of services', table(page.rows, sorting, ui))
      }
      ${pageTurner(page, 'services', (wanted) => ui.dispatch({ type: 'page', list: 'serviceList', page: wanted }))}
    </section>
  `;
}

function summary(all: readonly ServiceOverview[], found: readonly ServiceOverview[]): string {
  const troubled = all.filter(({ down }) => down > 0).length;
  const count =
    found.length === all.length
      ? formatCount(all.length)
      : `${formatCount(found.length)} of ${formatCount(all.length)}`;
  return troubled === 0 ? count : `${count}, ${formatCount(troubled)} with servers down`;
}

const table = (services: readonly ServiceOverview[], sorting: Sorting, ui: Ui): TemplateResult => html`
  <table class="services">
    <thead>
      <tr>
        ${COLUMNS.map((column) => heading(column, sorting, ui))}
      </tr>
    </thead>
    <tbody>
      ${repeat(services, ({ key }) => key, row)}
    </tbody>
  </table>
  ${services.length === 0 ? html`<p class="empty">No service has this in its name, scheduler or state.</p>` : null}
`;

function heading({ column, title, classes }: Column, sorting: Sorting, ui: Ui): TemplateResult {
  const isSorted = sorting.column === column;
  const order = !isSorted ? 'none' : sorting.descending ? 'descending' : 'ascending';
  const arrow = { none: '', ascending: '▲', descending: '▼' }[order];
  return html`<th scope="col" class=${classes} aria-sort=${order}>
    <button type="button" @click=${() => ui.dispatch({ type: 'sort', column })}>
      ${title}<span class="arrow" aria-hidden="true">${arrow}</span>
    </button>
  </th>`;
}

const row = (service: ServiceOverview): TemplateResult => html`
  <tr>
    <td>${badge(serviceCondition(service))}</td>
    <th scope="row"><a href=${hashOf({ view: 'service', key: service.key })}>${service.key}</a></th>
    <td class="wide">${service.scheduler}</td>
    <td class="number">${serversUp(service)} / ${service.servers}${drainedNote(service)}</td>
    <td class="number wide">${formatCount(service.activeConnections)}</td>
    <td class="number wide">${formatCount(service.inactiveConnections)}</td>
    <td class="number">${formatRate(service.rates.connections)}</td>
    <td class="number wide">${formatRate(service.rates.inPackets)}</td>
    <td class="number wide">${formatByteRate(service.rates.inBytes)}</td>
  </tr>
`;

const drainedNote = ({ drained }: ServiceOverview): TemplateResult | null =>
  drained === 0 ? null : html`<small class="note">${drained} drained</small>`;
