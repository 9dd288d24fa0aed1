/** What has happened: newest first, live. */
import { html, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { endpointText } from '../endpoint.ts';
import { formatCount, formatMoment } from '../format.ts';
import { filterHistory, KIND_WORDS, type PastEntry } from '../state/history.ts';
import { hashOf } from '../state/route.ts';
import { pageOf } from '../state/service-list.ts';
import type { State } from '../state/state.ts';
import { badge, filterField, pageTurner, scrolled } from './parts.ts';
import type { Ui } from './ui.ts';

export function historyView({ history, historyList, overview }: State, ui: Ui): TemplateResult {
  const page = pageOf(filterHistory(history, historyList.filter), historyList.page);
  return html`<section aria-labelledby="history-title">
    <div class="above">
      <h2 id="history-title">History <small>${formatCount(page.total)}</small></h2>
      ${filterField('historyList', historyList.filter, 'Filter', ui)}
    </div>
    ${historyTable(page.rows, overview?.timeMs ?? Date.now())}
    ${pageTurner(page, 'the history', (wanted) => ui.dispatch({ type: 'page', list: 'historyList', page: wanted }))}
  </section>`;
}

export const historyTable = (entries: readonly PastEntry[], nowMs: number): TemplateResult =>
  entries.length === 0
    ? html`<p class="empty">Nothing has happened.</p>`
    : scrolled(
        'Table of events',
        html`<table class="history">
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col">What</th>
              <th scope="col" class="wide">Service</th>
              <th scope="col" class="wide">Server</th>
              <th scope="col">Message</th>
            </tr>
          </thead>
          <tbody>
            ${repeat(
              entries,
              ({ life, sequence }) => `${life} ${sequence}`,
              (entry) => row(entry, nowMs),
            )}
          </tbody>
        </table>`,
      );

const row = ({ timeMs, kind, service, server, message }: PastEntry, nowMs: number): TemplateResult => html`
  <tr>
    <td class="time">${formatMoment(timeMs, nowMs)}</td>
    <td>${badge(KIND_WORDS[kind])}</td>
    <td class="wide">${service === null ? null : html`<a href=${hashOf({ view: 'service', key: service })}>${service}</a>`}</td>
    <td class="wide">${server === null ? null : endpointText(server)}</td>
    <td class="message">${message}</td>
  </tr>
`;
