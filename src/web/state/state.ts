/** All that the page knows, and how it changes: a new state from the old one and what happened. */
import type { HistoryEntry, OverviewReply } from '../../control/protocol.ts';
import { type ConnectionsAction, type FoundConnections, reduceConnections } from './connections.ts';
import { type DrainAction, type DrainDialog, reduceDrain } from './drain.ts';
import type { Graphed } from './graphed.ts';
import { addEntry, isAnnounced, type PastEntry } from './history.ts';
import { type Link, linkAnnouncement } from './link.ts';
import { chosenService, type Route } from './route.ts';
import { FIRST_SORTING, type ServiceColumn, type Sorting, sortedBy } from './service-list.ts';

/** A list that can be filtered and paged. */
export interface ListState {
  readonly filter: string;
  readonly page: number;
}

export interface State {
  readonly route: Route;
  readonly link: Link;
  /** The latest one, also while the daemon is away. */
  readonly overview: OverviewReply | null;
  /** The service that the overview's servers are of. */
  readonly serversOf: string | null;
  /** Newest first. */
  readonly history: readonly PastEntry[];
  readonly sorting: Sorting;
  readonly serviceList: ListState;
  readonly historyList: ListState;
  /** Servers of the chosen service, by endpointText(); null: nobody has chosen. */
  readonly graphed: Graphed | null;
  readonly drain: DrainDialog | null;
  readonly connections: FoundConnections | null;
  /** For screen readers, said when it changes. */
  readonly announcement: string;
}

export type Action =
  | { readonly type: 'link'; readonly link: Link }
  | { readonly type: 'overview'; readonly reply: OverviewReply; readonly chosen: string | null }
  | { readonly type: 'history'; readonly entry: HistoryEntry; readonly life: number; readonly isNew: boolean }
  | { readonly type: 'route'; readonly route: Route }
  | { readonly type: 'sort'; readonly column: ServiceColumn }
  | { readonly type: 'filter'; readonly list: ListName; readonly filter: string }
  | { readonly type: 'page'; readonly list: ListName; readonly page: number }
  | { readonly type: 'graphed'; readonly slots: Graphed }
  | DrainAction
  | ConnectionsAction;

export type ListName = 'serviceList' | 'historyList';

const FIRST_LIST: ListState = { filter: '', page: 1 };

export const firstState = (route: Route): State => ({
  route,
  link: { state: 'connecting' },
  overview: null,
  serversOf: null,
  history: [],
  sorting: FIRST_SORTING,
  serviceList: FIRST_LIST,
  historyList: FIRST_LIST,
  graphed: null,
  drain: null,
  connections: null,
  announcement: '',
});

export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case 'link': {
      const announcement = linkAnnouncement(state.link, action.link) ?? state.announcement;
      return { ...state, link: action.link, announcement };
    }
    case 'overview':
      return { ...state, overview: action.reply, serversOf: action.chosen };
    case 'history':
      return withEntry(state, { ...action.entry, life: action.life }, action.isNew);
    case 'route':
      return withRoute(state, action.route);
    case 'sort': {
      const serviceList = { ...state.serviceList, page: 1 };
      return { ...state, sorting: sortedBy(state.sorting, action.column), serviceList };
    }
    case 'filter':
      return { ...state, [action.list]: { filter: action.filter, page: 1 } };
    case 'page':
      return { ...state, [action.list]: { ...state[action.list], page: action.page } };
    case 'graphed':
      return { ...state, graphed: action.slots };
    case 'drain-asked':
    case 'drain-sent':
    case 'drain-refused':
    case 'drain-closed':
      return { ...state, drain: reduceDrain(state.drain, action) };
    case 'search-begun':
    case 'search-continued':
    case 'search-found':
    case 'search-failed':
      return { ...state, connections: reduceConnections(state.connections, action) };
  }
}

function withEntry(state: State, entry: PastEntry, isNew: boolean): State {
  const history = addEntry(state.history, entry);
  if (history === state.history) return state;
  const announcement = isNew && isAnnounced(entry) ? entry.message : state.announcement;
  return { ...state, history, announcement };
}

/** The servers of the service before are not those of this one. */
function withRoute(state: State, route: Route): State {
  if (chosenService(route) === chosenService(state.route)) return { ...state, route };
  return { ...state, route, graphed: null, drain: null };
}
