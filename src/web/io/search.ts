/** Asks the daemon for connections until the page that is open is full. */
import { searchStep } from '../state/connections.ts';
import type { ConnectionSearch } from '../state/route.ts';
import type { Store } from '../state/store.ts';
import { readConnections } from './requests.ts';

/** Places of the daemon's table: few at first, since each may be a connection that is meant; then more at a time. */
const FIRST_PLACES = 200;
const MOST_PLACES = 25_600;

/** Begins or goes on, as the route asks for. */
export async function followSearch(store: Store): Promise<void> {
  const step = searchStep(store.state.connections, store.state.route);
  if (step === 'begin') return beginSearch(store);
  if (step === 'nothing') return;
  store.dispatch({ type: 'search-continued' });
  return fill(store);
}

/** From the beginning, although the same may have been found before. */
export async function beginSearch(store: Store): Promise<void> {
  const { route } = store.state;
  if (route.view !== 'connections' || route.search === null) return;
  const search: ConnectionSearch = { ...route.search };
  store.dispatch({ type: 'search-begun', search });
  return fill(store);
}

async function fill(store: Store): Promise<void> {
  const search = store.state.connections?.search;
  for (let places = FIRST_PLACES; ; places = Math.min(places * 2, MOST_PLACES)) {
    const found = store.state.connections;
    if (search === undefined || found?.search !== search || !found.isLoading || found.cursor === null) return;
    try {
      const reply = await readConnections(search, found.cursor, places);
      const { route } = store.state;
      const page = route.view === 'connections' ? route.page : 1;
      store.dispatch({ type: 'search-found', search, reply, page });
    } catch (error) {
      store.dispatch({ type: 'search-failed', search, error: (error as Error).message });
    }
  }
}
