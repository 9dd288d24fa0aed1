/** The page's store: what is known, and what of it is shown. */
import { describe, expect, test } from 'vitest';
import type { HistoryEntry, OverviewReply, ServiceOverview } from '../../src/control/protocol.ts';
import { serverCondition, serversUp, serviceCondition } from '../../src/web/state/condition.ts';
import { slotsOf, toggled } from '../../src/web/state/graphed.ts';
import { filterHistory, HISTORY_KEPT } from '../../src/web/state/history.ts';
import { hashOf, parseRoute, type Route } from '../../src/web/state/route.ts';
import {
  filterServices,
  pageOf,
  sortedBy,
  sortServers,
  sortServices,
} from '../../src/web/state/service-list.ts';
import { type Action, firstState, reduce, type State } from '../../src/web/state/state.ts';
import { fakeServer } from '../helpers/fake-daemon.ts';

const NO_TRAFFIC = { connections: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 };

const service = (port: number, changes: Partial<ServiceOverview> = {}): ServiceOverview => ({
  key: `tcp 10.0.0.1:${port}`,
  service: { protocol: 'tcp', address: '10.0.0.1', port },
  scheduler: 'wlc',
  servers: 2,
  down: 0,
  drained: 0,
  activeConnections: port,
  inactiveConnections: 0,
  counters: NO_TRAFFIC,
  rates: NO_TRAFFIC,
  ...changes,
});

const entry = (sequence: number, changes: Partial<HistoryEntry> = {}): HistoryEntry => ({
  sequence,
  timeMs: sequence * 1000,
  kind: 'server-down',
  service: 'tcp 10.0.0.1:80',
  server: { address: '10.0.0.11', port: 80 },
  message: `message ${sequence}`,
  ...changes,
});

const SERVICES: Route = { view: 'services' };
const stateAfter = (...actions: Action[]): State => actions.reduce(reduce, firstState(SERVICES));

describe('a route', () => {
  test.each<Route>([
    { view: 'services' },
    { view: 'drops' },
    { view: 'history' },
    { view: 'service', key: 'tcp [fd00::1]:80' },
    { view: 'service', key: 'fwmark 8 IPv6' },
    { view: 'connections', search: null, page: 1 },
    { view: 'connections', search: { client: '10.0.0.1:80', virtual: '', server: '[fd00::1]:80' }, page: 3 },
  ])('is the same after a way through the address: %j', (route) => {
    expect(parseRoute(hashOf(route))).toEqual(route);
  });

  test.each(['', '#', '#/nothing', '#/service', '#/service/a/b'])('%j is the list of services', (hash) => {
    expect(parseRoute(hash)).toEqual(SERVICES);
  });

  test('that was cut short or written by hand does no harm', () => {
    expect(parseRoute('#/service/tcp%2')).toEqual({ view: 'service', key: 'tcp%2' });
    expect(parseRoute('#/connections?page=-4')).toMatchObject({ page: 1 });
    expect(parseRoute('#/connections?page=x')).toMatchObject({ page: 1 });
  });
});

describe('the condition', () => {
  test('of a service is that of its worst servers', () => {
    const words = [
      service(1),
      service(1, { down: 1 }),
      service(1, { down: 2 }),
      service(1, { drained: 2 }),
      service(1, { servers: 0 }),
    ].map((each) => serviceCondition(each).word);
    expect(words).toEqual(['up', '1 down', 'down', 'drained', 'no servers']);
  });

  test('of servers that are down and drained at once does not count below none', () => {
    expect(serversUp(service(1, { down: 2, drained: 1 }))).toBe(0);
  });

  test('of a server is told by its most important word', () => {
    const server = fakeServer('10.0.0.11', 1);
    const words = [
      server,
      { ...server, state: 'down', drained: true } as const,
      { ...server, drained: true, weightInForce: 0 },
      { ...server, weight: 0, weightInForce: 0 },
      { ...server, weightInForce: 30 },
      { ...server, state: 'unchecked' } as const,
    ].map((each) => serverCondition(each).word);
    expect(words).toEqual(['up', 'down', 'drained', 'quiesced', 'slow start', 'not checked']);
  });
});

describe('the list of services', () => {
  const services = [service(443, { down: 1 }), service(80), service(8080, { scheduler: 'mh' })];
  const ports = (list: readonly ServiceOverview[]) => list.map(({ activeConnections }) => activeConnections);

  test('is sorted by name as numbers go', () => {
    expect(ports(sortServices(services, { column: 'service', descending: false }))).toEqual([80, 443, 8080]);
  });

  test('has what is worst first by state, equal ones by name', () => {
    expect(ports(sortServices(services, { column: 'state', descending: false }))).toEqual([443, 80, 8080]);
    const busy = { ...NO_TRAFFIC, connections: 9 };
    const equal = [service(3, { rates: busy }), service(1), service(2)];
    expect(ports(sortServices(equal, { column: 'connections', descending: true }))).toEqual([3, 1, 2]);
  });

  test('is turned round by the same column, and begins with the largest number', () => {
    const once = sortedBy({ column: 'service', descending: false }, 'active');
    expect(once).toEqual({ column: 'active', descending: true });
    expect(sortedBy(once, 'active').descending).toBe(false);
    expect(sortedBy(once, 'scheduler').descending).toBe(false);
  });

  test('has its servers by name', () => {
    const servers = ['10.0.0.9', '10.0.0.100', '10.0.0.20'].map((address) => fakeServer(address, 1));
    const addresses = sortServers(servers).map(({ server }) => server.address);
    expect(addresses).toEqual(['10.0.0.9', '10.0.0.20', '10.0.0.100']);
  });

  test('is filtered by all words, in name, scheduler and state', () => {
    expect(ports(filterServices(services, ' TCP  mh '))).toEqual([8080]);
    expect(ports(filterServices(services, '1 down'))).toEqual([443]);
    expect(filterServices(services, '')).toHaveLength(3);
  });

  test('has pages, the last of which is taken for one that is gone', () => {
    const rows = Array.from({ length: 120 }, (_, index) => index);
    expect(pageOf(rows, 1)).toMatchObject({ page: 1, pages: 3, first: 0 });
    expect(pageOf(rows, 9)).toMatchObject({ page: 3, first: 100, rows: rows.slice(100) });
    expect(pageOf([], 2)).toMatchObject({ page: 1, pages: 1, rows: [] });
  });

  test('begins at its first page when it is sorted or filtered', () => {
    const turned = stateAfter({ type: 'page', list: 'serviceList', page: 4 });
    expect(turned.serviceList.page).toBe(4);
    expect(reduce(turned, { type: 'sort', column: 'active' }).serviceList.page).toBe(1);
    expect(reduce(turned, { type: 'filter', list: 'serviceList', filter: 'x' }).serviceList.page).toBe(1);
  });
});

describe('history', () => {
  const happened = (sequence: number, life: number, isNew = false): Action => ({
    type: 'history',
    entry: entry(sequence),
    life,
    isNew,
  });

  test('is newest first, each entry once, over restarts of the daemon', () => {
    const { history } = stateAfter(happened(1, 7), happened(2, 7), happened(2, 7), happened(1, 9));
    expect(history.map(({ life, sequence }) => [life, sequence])).toEqual([
      [9, 1],
      [7, 2],
      [7, 1],
    ]);
  });

  test('is bounded', () => {
    const many = Array.from({ length: HISTORY_KEPT + 5 }, (_, index) => happened(index + 1, 7));
    expect(stateAfter(...many).history).toHaveLength(HISTORY_KEPT);
  });

  test('is said aloud if it is new', () => {
    expect(stateAfter(happened(1, 7)).announcement).toBe('');
    expect(stateAfter(happened(1, 7, true)).announcement).toBe('message 1');
  });

  test('is filtered by kind, service, server and message', () => {
    const entries = [entry(1), entry(2, { kind: 'drained', server: null })].map((each) => ({
      ...each,
      life: 7,
    }));
    const found = (filter: string) => filterHistory(entries, filter).map(({ sequence }) => sequence);
    expect([found('server down'), found('10.0.0.11'), found('MESSAGE 2'), found('')]).toEqual([
      [1],
      [1],
      [2],
      [1, 2],
    ]);
  });
});

describe('the line to the daemon', () => {
  const away: Action = { type: 'link', link: { state: 'away', sinceMs: 5 } };
  const live: Action = { type: 'link', link: { state: 'live' } };

  test('is said aloud when it breaks and when it is back, not when it begins', () => {
    expect(stateAfter(live).announcement).toBe('');
    expect(stateAfter(live, away).announcement).toMatch(/does not answer/);
    expect(stateAfter(live, away, live).announcement).toMatch(/answers again/);
  });

  test('takes nothing away by breaking', () => {
    const reply = { services: [service(80)] } as unknown as OverviewReply;
    const state = stateAfter({ type: 'overview', reply, chosen: null }, away);
    expect(state.overview).toBe(reply);
  });
});

describe('the dialog of draining', () => {
  const question = {
    service: { protocol: 'tcp', address: '10.0.0.1', port: 80 },
    serviceKey: 'tcp 10.0.0.1:80',
    server: { address: '10.0.0.11', port: 80 },
    activeConnections: 3,
    drained: true,
  } as const;
  const asked = (hasToken: boolean): Action => ({ type: 'drain-asked', question, hasToken });
  const refused = (isTokenWrong: boolean): Action => ({
    type: 'drain-refused',
    refusal: 'no',
    isTokenWrong,
  });

  test('asks for the token only if there is none', () => {
    expect(stateAfter(asked(false)).drain).toMatchObject({ asksForToken: true, refusal: null });
    expect(stateAfter(asked(true)).drain).toMatchObject({ asksForToken: false });
  });

  test('stays open with the reason when it is refused, and asks again for a token that was wrong', () => {
    const sent = stateAfter(asked(true), { type: 'drain-sent' });
    expect(sent.drain).toMatchObject({ isSending: true });
    expect(reduce(sent, refused(false)).drain).toMatchObject({ refusal: 'no', asksForToken: false });
    expect(reduce(sent, refused(true)).drain).toMatchObject({ isSending: false, asksForToken: true });
  });

  test('closes, also when another service is opened', () => {
    const inService = stateAfter({ type: 'route', route: { view: 'service', key: 'a' } }, asked(true));
    expect(reduce(inService, { type: 'drain-closed' }).drain).toBeNull();
    expect(reduce(inService, { type: 'route', route: { view: 'service', key: 'b' } }).drain).toBeNull();
    expect(stateAfter(refused(true)).drain).toBeNull();
  });
});

describe('lines in the graphs', () => {
  const known = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

  test('are of the first few until somebody chooses', () => {
    expect(slotsOf(null, known)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(slotsOf(null, ['a'])).toEqual(['a', null, null, null, null, null]);
  });

  test('keep their slot when another one goes', () => {
    const without = toggled(slotsOf(null, known), 'b');
    expect(without).toEqual(['a', null, 'c', 'd', 'e', 'f']);
    expect(toggled(without, 'g')).toEqual(['a', 'g', 'c', 'd', 'e', 'f']);
    expect(slotsOf(without, ['c', 'd'])).toEqual([null, null, 'c', 'd', null, null]);
  });

  test('are not more than there are slots', () => {
    const full = slotsOf(null, known);
    expect(toggled(full, 'g')).toEqual(full);
  });
});
