/** What holds for the whole director, whether the daemon is heard, and the way to the views. */
import { html, type TemplateResult } from 'lit';
import type { OverviewReply } from '../../control/protocol.ts';
import { formatCount, formatMoment, formatPercent, formatSpan } from '../format.ts';
import { type Condition, datapathCondition, interfaceCondition } from '../state/condition.ts';
import type { Link } from '../state/link.ts';
import { hashOf, type Route } from '../state/route.ts';
import type { State } from '../state/state.ts';
import { badge } from './parts.ts';

export const header = ({ overview, link, route }: State): TemplateResult => html`
  <header>
    <div class="brand">
      <img src="/icon.svg" alt="" width="28" height="28" />
      <h1>director</h1>
      ${linkState(link)}
    </div>
    ${overview === null ? null : facts(overview)}
    <nav class="views" aria-label="Views">
      ${viewLink({ view: 'services' }, 'Services', route)} ${viewLink({ view: 'drops' }, 'Drops', route)}
      ${viewLink({ view: 'history' }, 'History', route)}
      ${viewLink({ view: 'connections', search: null, page: 1 }, 'Connections', route)}
    </nav>
  </header>
`;

function linkState(link: Link): TemplateResult {
  if (link.state === 'live') return linkPill({ tone: 'good', word: 'live' });
  if (link.state === 'connecting') return linkPill({ tone: 'idle', word: 'connecting …' });
  const since = formatMoment(link.sinceMs, Date.now());
  return linkPill({ tone: 'bad', word: `stale since ${since}, trying again` });
}

const linkPill = (condition: Condition): TemplateResult =>
  html`<p class="link ${condition.tone}">${badge(condition)}</p>`;

const facts = ({ interface: card, datapath, connections, uptimeSec }: OverviewReply): TemplateResult => html`
  <dl class="facts">
    <div>
      <dt>Interface</dt>
      <dd>${card.name} ${badge(interfaceCondition(card))}</dd>
    </div>
    <div>
      <dt>Datapath</dt>
      <dd>
        ${datapath.name}${datapath.mode === null ? '' : ` (${datapath.mode})`} ${badge(datapathCondition(datapath))}
        ${datapath.restarts === 0 ? null : html`<small>restarted ${formatCount(datapath.restarts)} times</small>`}
      </dd>
    </div>
    <div>
      <dt>Connections</dt>
      <dd>
        ${formatCount(connections.live)}
        <small>of ${formatCount(connections.capacity)} (${formatPercent(connections.live, connections.capacity)})</small>
      </dd>
    </div>
    <div>
      <dt>Up for</dt>
      <dd>${formatSpan(uptimeSec)}</dd>
    </div>
  </dl>
`;

/** A service is below the services. */
function viewLink(target: Route, title: string, current: Route): TemplateResult {
  const isCurrent =
    target.view === current.view || (target.view === 'services' && current.view === 'service');
  return html`<a href=${hashOf(target)} aria-current=${isCurrent ? 'page' : 'false'}>${title}</a>`;
}
