/** What stands behind the # of the address: which view is open. So links and the back button work. */

export interface ConnectionSearch {
  readonly client: string;
  readonly virtual: string;
  readonly server: string;
}

export type Route =
  | { readonly view: 'services' | 'drops' | 'history' }
  | { readonly view: 'service'; readonly key: string }
  /** `search` null: nobody has searched yet. Pages count from 1. */
  | { readonly view: 'connections'; readonly search: ConnectionSearch | null; readonly page: number };

export const NO_SEARCH: ConnectionSearch = { client: '', virtual: '', server: '' };
const SEARCH_FIELDS = ['client', 'virtual', 'server'] as const;

/** Whatever is not known is the list of services. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [view, ...rest] = path.split('/');
  if (view === 'drops' || view === 'history') return { view };
  if (view === 'service' && rest.length === 1) return { view, key: decoded(rest[0]!) };
  if (view === 'connections') return connectionsRoute(new URLSearchParams(query), query !== '');
  return { view: 'services' };
}

function connectionsRoute(query: URLSearchParams, isSearched: boolean): Route {
  if (!isSearched) return { view: 'connections', search: null, page: 1 };
  const [client, virtual, server] = SEARCH_FIELDS.map((field) => query.get(field) ?? '');
  const page = Math.max(1, Math.floor(Number(query.get('page') ?? 1)) || 1);
  return { view: 'connections', search: { client: client!, virtual: virtual!, server: server! }, page };
}

export function hashOf(route: Route): string {
  if (route.view === 'services') return '#/';
  if (route.view === 'service') return `#/service/${encodeURIComponent(route.key)}`;
  if (route.view !== 'connections' || route.search === null) return `#/${route.view}`;
  const query = new URLSearchParams({ ...route.search, page: String(route.page) });
  return `#/connections?${query}`;
}

/** A hash that somebody has cut short is no reason to fail. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const isSameSearch = (a: ConnectionSearch, b: ConnectionSearch): boolean =>
  SEARCH_FIELDS.every((field) => a[field] === b[field]);

export const chosenService = (route: Route): string | null => (route.view === 'service' ? route.key : null);
