/** Joins the parts: what the daemon sends and what people do goes into the store; what the store holds is shown. */
import { render } from 'lit';
import { carryOutDrain } from './io/drain.ts';
import { beginSearch, followSearch } from './io/search.ts';
import { openStream } from './io/stream.ts';
import { readToken } from './io/token.ts';
import { chosenService, hashOf, parseRoute } from './state/route.ts';
import { Samples } from './state/samples.ts';
import { firstState } from './state/state.ts';
import { createStore } from './state/store.ts';
import { syncDrainDialog } from './views/drain-dialog.ts';
import { page } from './views/page.ts';
import type { Ui } from './views/ui.ts';

/** An entry that is older than this beside the overview had happened before the page was opened. */
const NEW_MS = 5000;

const store = createStore(firstState(parseRoute(location.hash)));
const samples = new Samples();

const ui: Ui = {
  samples,
  dispatch: store.dispatch,
  askDrain: (question) => store.dispatch({ type: 'drain-asked', question, hasToken: readToken() !== null }),
  confirmDrain: (token) => void carryOutDrain(store, token),
  search(search) {
    const hash = hashOf({ view: 'connections', search, page: 1 });
    if (location.hash === hash) void beginSearch(store);
    else location.hash = hash;
  },
};

const stream = openStream(
  {
    overview(reply, chosen) {
      samples.add(reply, chosen);
      if (store.state.link.state !== 'live') store.dispatch({ type: 'link', link: { state: 'live' } });
      store.dispatch({ type: 'overview', reply, chosen });
    },
    history(entry, life) {
      const nowMs = store.state.overview?.timeMs ?? Number.POSITIVE_INFINITY;
      store.dispatch({ type: 'history', entry, life, isNew: entry.timeMs > nowMs - NEW_MS });
    },
    away() {
      if (store.state.link.state === 'away') return;
      samples.addGap();
      store.dispatch({ type: 'link', link: { state: 'away', sinceMs: Date.now() } });
    },
  },
  chosenService(store.state.route),
);

addEventListener('hashchange', () => {
  const route = parseRoute(location.hash);
  const isOtherView = hashOf(route).split('?')[0] !== hashOf(store.state.route).split('?')[0];
  store.dispatch({ type: 'route', route });
  stream.choose(chosenService(route));
  void followSearch(store);
  if (isOtherView) scrollTo(0, 0);
});

/** At most once a frame, however much comes. */
let isDue = false;
store.subscribe(() => {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    show();
  });
});

function show(): void {
  const focused = document.activeElement;
  render(page(store.state, ui), document.querySelector<HTMLElement>('#page')!);
  // A row that was moved by sorting has lost it.
  if (focused instanceof HTMLElement && focused.isConnected && document.activeElement !== focused)
    focused.focus({ preventScroll: true });
  syncDrainDialog(store.state.drain);
  document.title = titleOf();
}

function titleOf(): string {
  const down = (store.state.overview?.services ?? []).filter((service) => service.down > 0).length;
  if (store.state.link.state === 'away') return 'stale · director';
  return down === 0 ? 'director' : `${down} with servers down · director`;
}

show();
void followSearch(store);
