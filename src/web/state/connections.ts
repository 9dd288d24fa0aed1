/**
 * What a search has found so far. The daemon answers by places of its table, of which many may be empty or not meant; so
 * what was found is kept, and more is asked for when a page needs it.
 */
import type { ConnectionListing, ConnectionsReply } from '../../control/protocol.ts';
import { type ConnectionSearch, isSameSearch, type Route } from './route.ts';
import { PAGE_ROWS } from './service-list.ts';

export interface FoundConnections {
  /** The object itself names the question: answers to another one are not taken. */
  readonly search: ConnectionSearch;
  readonly rows: readonly ConnectionListing[];
  /** Where the daemon goes on; null: that was all. */
  readonly cursor: number | null;
  readonly isLoading: boolean;
  readonly error: string | null;
}

export type ConnectionsAction =
  | { readonly type: 'search-begun'; readonly search: ConnectionSearch }
  | { readonly type: 'search-continued' }
  | {
      readonly type: 'search-found';
      readonly search: ConnectionSearch;
      readonly reply: ConnectionsReply;
      /** That is to be filled. */
      readonly page: number;
    }
  | { readonly type: 'search-failed'; readonly search: ConnectionSearch; readonly error: string };

export function reduceConnections(
  found: FoundConnections | null,
  action: ConnectionsAction,
): FoundConnections | null {
  if (action.type === 'search-begun')
    return { search: action.search, rows: [], cursor: 0, isLoading: true, error: null };
  if (found === null) return null;
  if (action.type === 'search-continued') return { ...found, isLoading: true, error: null };
  if (found.search !== action.search) return found;
  if (action.type === 'search-failed') return { ...found, isLoading: false, error: action.error };
  const { connections, nextCursor } = action.reply;
  const next = { ...found, rows: [...found.rows, ...connections], cursor: nextCursor };
  return { ...next, isLoading: !isEnough(next, action.page) };
}

/** One row more than the page has tells that there is another page. */
const isEnough = ({ rows, cursor }: FoundConnections, page: number): boolean =>
  cursor === null || rows.length > page * PAGE_ROWS;

/** What is to be done so that the open page is full. */
export function searchStep(found: FoundConnections | null, route: Route): 'begin' | 'continue' | 'nothing' {
  if (route.view !== 'connections' || route.search === null) return 'nothing';
  if (found === null || !isSameSearch(found.search, route.search)) return 'begin';
  return found.isLoading || isEnough(found, route.page) ? 'nothing' : 'continue';
}
