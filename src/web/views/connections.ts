/** Search in the table of connections, page by page. */
import { html, type TemplateResult } from 'lit';
import type { ConnectionListing } from '../../control/protocol.ts';
import { endpointText } from '../endpoint.ts';
import { formatClock, formatCount } from '../format.ts';
import type { FoundConnections } from '../state/connections.ts';
import { type ConnectionSearch, hashOf, NO_SEARCH, type Route } from '../state/route.ts';
import { PAGE_ROWS } from '../state/service-list.ts';
import type { State } from '../state/state.ts';
import { scrolled } from './parts.ts';
import type { Ui } from './ui.ts';

type ConnectionsRoute = Extract<Route, { view: 'connections' }>;

export const connectionsView = (
  { connections }: State,
  route: ConnectionsRoute,
  ui: Ui,
): TemplateResult => html`
  <section aria-labelledby="connections-title">
    <h2 id="connections-title">Connections</h2>
    ${form(route.search ?? NO_SEARCH, ui)}
    ${route.search === null || connections === null ? null : results(connections, route)}
  </section>
`;

function form(search: ConnectionSearch, ui: Ui): TemplateResult {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const data = new FormData(event.target as HTMLFormElement);
    const text = (name: string): string => String(data.get(name) ?? '').trim();
    ui.search({ client: text('client'), virtual: text('virtual'), server: text('server') });
  };
  const field = (name: keyof ConnectionSearch, title: string): TemplateResult =>
    html`<label class="field"
      >${title}
      <input name=${name} .defaultValue=${search[name]} autocomplete="off" spellcheck="false" />
    </label>`;
  return html`<form class="search" role="search" aria-describedby="search-hint" @submit=${submit}>
    ${field('client', 'Client')} ${field('virtual', 'Virtual')} ${field('server', 'Server')}
    <button type="submit" class="primary">Search</button>
    <p id="search-hint" class="hint">
      An address, or an address and a port, like 10.0.0.7:80 or [fd00::7]:80. Empty: any.
    </p>
  </form>`;
}

function results(found: FoundConnections, { search, page }: ConnectionsRoute): TemplateResult {
  const first = (page - 1) * PAGE_ROWS;
  const rows = found.rows.slice(first, first + PAGE_ROWS);
  if (found.error !== null) return html`<p class="refusal" role="alert">Not done: ${found.error}</p>`;
  return html`
    <p class="counted" role="status">${counted(found, first, rows.length)}</p>
    ${rows.length === 0 ? null : scrolled('Table of connections', table(rows))}
    <nav class="turner" aria-label="Pages of connections">
      ${page > 1 ? html`<a href=${hashOf({ view: 'connections', search, page: page - 1 })}>‹ Previous</a>` : null}
      ${found.rows.length > first + PAGE_ROWS ? html`<a href=${hashOf({ view: 'connections', search, page: page + 1 })}>Next ›</a>` : null}
    </nav>
  `;
}

/** How many there are in all is known only at the end. */
function counted({ rows, cursor, isLoading }: FoundConnections, first: number, shown: number): string {
  if (isLoading) return `Searching … ${formatCount(rows.length)} found`;
  if (shown === 0) return 'No connections found.';
  const total = `${cursor === null ? '' : 'at least '}${formatCount(rows.length)}`;
  return `${formatCount(first + 1)}–${formatCount(first + shown)} of ${total}`;
}

const table = (rows: readonly ConnectionListing[]): TemplateResult => html`
  <table class="connections">
    <thead>
      <tr>
        <th scope="col">Protocol</th>
        <th scope="col">Client</th>
        <th scope="col">Virtual</th>
        <th scope="col">Server</th>
        <th scope="col">State</th>
        <th scope="col" class="number">Expires in</th>
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        ({ protocol, client, virtual, server, state, expiresSec }) =>
          html`<tr>
            <td>${protocol}</td>
            <td>${endpointText(client)}</td>
            <td>${endpointText(virtual)}</td>
            <td>${endpointText(server)}</td>
            <td>${state}</td>
            <td class="number">${formatClock(expiresSec)}</td>
          </tr>`,
      )}
    </tbody>
  </table>
`;
