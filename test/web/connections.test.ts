/** A search through the daemon's table of connections, which answers by places. */
import { describe, expect, test } from 'vitest';
import type { ConnectionListing } from '../../src/control/protocol.ts';
import {
  type ConnectionsAction,
  type FoundConnections,
  reduceConnections,
  searchStep,
} from '../../src/web/state/connections.ts';
import type { Route } from '../../src/web/state/route.ts';

const search = { client: '10.0.0.7', virtual: '', server: '' };
const route = (page: number): Route => ({ view: 'connections', search, page });
const rows = (count: number): ConnectionListing[] =>
  Array.from({ length: count }, (_, index) => ({ expiresSec: index }) as ConnectionListing);
const found = (count: number, nextCursor: number | null, page = 1, asked = search): ConnectionsAction => ({
  type: 'search-found',
  search: asked,
  reply: { connections: rows(count), nextCursor },
  page,
});
const foundAfter = (...actions: ConnectionsAction[]): FoundConnections =>
  actions.reduce<FoundConnections | null>(reduceConnections, null)!;
const BEGUN: ConnectionsAction = { type: 'search-begun', search };

describe('a search', () => {
  test('goes on until the page is full and it is known whether there is another', () => {
    expect(foundAfter(BEGUN, found(50, 200)).isLoading).toBe(true);
    expect(foundAfter(BEGUN, found(50, 200), found(0, 600)).isLoading).toBe(true);
    expect(foundAfter(BEGUN, found(50, 200), found(1, 600))).toMatchObject({ isLoading: false, cursor: 600 });
  });

  test('ends with the table', () => {
    expect(foundAfter(BEGUN, found(3, null))).toMatchObject({ isLoading: false, cursor: null });
  });

  test('takes no answers to the question before it', () => {
    expect(foundAfter(BEGUN, found(3, null, 1, { ...search })).rows).toEqual([]);
  });

  test('keeps what it found when the daemon refuses to go on', () => {
    const failed: ConnectionsAction = { type: 'search-failed', search, error: 'no' };
    expect(foundAfter(BEGUN, found(20, 200), failed)).toMatchObject({ error: 'no', isLoading: false });
  });
});

describe('what is to be done', () => {
  const full = foundAfter(BEGUN, found(60, 200));

  test('is nothing before somebody searches, and while it is searched', () => {
    expect(searchStep(null, { view: 'connections', search: null, page: 1 })).toBe('nothing');
    expect(searchStep(foundAfter(BEGUN), route(1))).toBe('nothing');
    expect(searchStep(full, { view: 'services' })).toBe('nothing');
  });

  test('is to begin for another question', () => {
    expect(searchStep(null, route(1))).toBe('begin');
    expect(searchStep({ ...full, search: { ...search, client: '' } }, route(1))).toBe('begin');
  });

  test('is to go on for a page that is not full yet', () => {
    expect(searchStep(full, route(1))).toBe('nothing');
    expect(searchStep(full, route(2))).toBe('continue');
    expect(searchStep({ ...full, cursor: null }, route(2))).toBe('nothing');
  });
});
