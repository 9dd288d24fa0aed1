/** The whole page. */
import { html, type TemplateResult } from 'lit';
import type { State } from '../state/state.ts';
import { connectionsView } from './connections.ts';
import { drainDialog } from './drain-dialog.ts';
import { dropsView } from './drops.ts';
import { header } from './header.ts';
import { historyView } from './history.ts';
import { serviceView } from './service.ts';
import { servicesView } from './services.ts';
import type { Ui } from './ui.ts';

export const page = (state: State, ui: Ui): TemplateResult => html`
  <a class="skip" href="#main" @click=${skipToMain}>To the content</a>
  ${header(state)}
  <main id="main" tabindex="-1" class=${state.link.state === 'away' ? 'stale' : ''}>
    ${warnings(state)} ${view(state, ui)}
  </main>
  ${drainDialog(state.drain, ui)}
  <p class="unseen" role="status" aria-live="polite">${state.announcement}</p>
`;

/** What is behind the # names a view, so the link must not change it. */
function skipToMain(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>('#main')?.focus();
}

function warnings({ overview }: State): TemplateResult | null {
  if (overview === null || overview.warnings.length === 0) return null;
  return html`<section class="warnings" aria-label="Warnings">
    <h2><span aria-hidden="true">▲ </span>Warnings</h2>
    <ul>
      ${overview.warnings.map((warning) => html`<li>${warning}</li>`)}
    </ul>
  </section>`;
}

function view(state: State, ui: Ui): TemplateResult {
  const { route, overview } = state;
  if (route.view === 'history') return historyView(state, ui);
  if (route.view === 'connections') return connectionsView(state, route, ui);
  if (overview === null) return html`<p class="empty">Waiting for the daemon …</p>`;
  if (route.view === 'service') return serviceView(state, overview, route.key, ui);
  return route.view === 'drops' ? dropsView(overview, ui) : servicesView(state, overview, ui);
}
