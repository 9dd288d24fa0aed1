/** What of the kernel's word for a neighbour is news to datapath, health and log. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ServerWatch } from '../../src/daemon/server-watch.ts';
import type { RouteListener, RouteSocket } from '../../src/host/netlink.ts';
import type { LinkMessage, NeighborMessage } from '../../src/host/rtnetlink-format.ts';
import { applyEdit, EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';
import type { NextHop } from '../../src/worker/messages.ts';
import { addServer, addService } from '../helpers/edits.ts';

const SERVER = '10.0.0.11';
const MAC = '02:00:00:00:00:0b';
const OTHER_MAC = '02:00:00:00:00:0c';
const ENVELOPE = { sequence: 0, portId: 0, interrupted: false, deleted: false };
const LINK: LinkMessage = {
  ...ENVELOPE,
  ...{ type: 'link', index: 2, name: 'eth0', up: true, running: true, mac: '02:00:00:00:00:01', mtu: 1500 },
  operState: 'up',
};
const CONFIGURATION = [
  addService('tcp 10.0.0.100:80'),
  addServer('tcp 10.0.0.100:80', `${SERVER}:80`),
].reduce(applyEdit, EMPTY_CONFIGURATION);

let say: RouteListener;
let told: NextHop[];
let lines: string[];
let watch: ServerWatch;

const neighbor = (state: NeighborMessage['state'], mac: string | null): NeighborMessage => ({
  ...ENVELOPE,
  ...{ type: 'neighbor', interfaceIndex: 2, address: SERVER, mac, state, managed: false, confirmedAgoMs: 0 },
});

beforeEach(async () => {
  vi.useFakeTimers();
  [told, lines] = [[], []];
  const log = (_: object, line: string) => lines.push(line);
  watch = new ServerWatch({
    log: { info: log, warn: log } as never,
    routes: {
      portId: 1,
      link: () => LINK,
      linkByIndex: () => LINK,
      neighbor: () => undefined,
      route: async () => ({ routeType: 'unicast', interfaceIndex: 2, gateway: null }),
      onEvent: (listener: RouteListener) => {
        say = listener;
        return () => {};
      },
      ...{ triggerNeighbor: () => {}, probeNeighbor: () => {}, resolveNeighborAnew: () => {} },
    } as unknown as RouteSocket,
    interface: 'eth0',
    otherInterfaces: () => false,
    onChange: (nextHop) => told.push(nextHop),
  });
  const followed = watch.follow(CONFIGURATION);
  await vi.advanceTimersByTimeAsync(200);
  await followed;
  say(neighbor('REACHABLE', MAC));
});
afterEach(() => {
  watch.close();
  vi.useRealTimers();
});

const macs = () => told.map(({ mac }) => mac);

test('a MAC that was found', () => {
  expect(macs()).toEqual([MAC]);
  expect(lines).toEqual([`real server ${SERVER}: ${MAC} (REACHABLE)`]);
});

test('not that it was confirmed too late, although that is shown', () => {
  for (const state of ['STALE', 'DELAY', 'PROBE', 'REACHABLE', 'STALE'] as const) say(neighbor(state, MAC));
  expect(macs()).toEqual([MAC]);
  expect(lines).toHaveLength(1);
  expect(watch.get(SERVER)?.state).toBe('STALE');
});

test('another MAC', () => {
  say(neighbor('STALE', OTHER_MAC));
  expect(macs()).toEqual([MAC, OTHER_MAC]);
});

test('that it does not answer, and that it answers again', () => {
  say(neighbor('FAILED', null));
  say(neighbor('REACHABLE', MAC));
  expect(macs()).toEqual([MAC, null, MAC]);
  expect(lines[1]).toBe(`real server ${SERVER} does not answer ARP or neighbour discovery`);
});

test('why there is no MAC', () => {
  say(neighbor('INCOMPLETE', null));
  say(neighbor('FAILED', null));
  expect(macs()).toEqual([MAC, null, null]);
});
