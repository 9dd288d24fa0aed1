/** What is in force: checks, neighbours, drains, slow starts and sorry servers, laid over what is configured. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Policies, ServerHealth } from '../../src/daemon/server-health.ts';
import type { CheckResult } from '../../src/health/check.ts';
import { type HealthPolicy, NO_POLICY } from '../../src/health/policy.ts';
import { TCP_CHECK } from '../../src/health/service-check.ts';
import type { CheckRoute, CheckRules } from '../../src/host/check-rules.ts';
import type { Neighbor } from '../../src/host/neighbors.ts';
import { applyEdit, type Configuration, EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';
import { editsBetween } from '../../src/service/difference.ts';
import { addServer, addService, endpoint, serviceAddress } from '../helpers/edits.ts';

const WEB = 'tcp 10.0.0.100:80';
const A = '10.0.0.11:80';
const B = '10.0.0.12:80';
const CHECKED: HealthPolicy = { ...NO_POLICY, check: { ...TCP_CHECK, fall: 1, rise: 1 } };

const configuration = [
  addService(WEB),
  addServer(WEB, A, { weight: 4 }),
  addServer(WEB, B, { weight: 4 }),
].reduce(applyEdit, EMPTY_CONFIGURATION);

const neighbor = (server: string, change: Partial<Neighbor> = {}): Neighbor => ({
  server,
  kind: 'neighbor',
  mac: `02:00:00:00:00:${server.slice(-2)}`,
  state: 'REACHABLE',
  interface: null,
  ...change,
});

let down: Set<string>;
let neighbors: Neighbor[];
let routes: readonly CheckRoute[];
let targets: string[];
let changes: number;
let kept: Policies | undefined;
/** Somebody has taken the rules away, without which nobody answers. */
let isFlushed: boolean;

async function healthOf(policy: HealthPolicy): Promise<ServerHealth> {
  const quiet = () => {};
  const health = new ServerHealth({
    log: { info: quiet, warn: quiet, error: quiet } as never,
    run: async (_options, { address, mark }): Promise<CheckResult> => {
      targets.push(`${address} ${mark === 0 ? 'plain' : 'marked'}`);
      const ok = !down.has(address);
      return { ok, durationMs: 1, cause: ok ? '' : 'connection refused' };
    },
    kept: {
      write: (policies: Policies) => {
        kept = policies;
      },
      read: () => kept,
      remove: () => {
        kept = undefined;
      },
    } as never,
    rules: {
      apply: async (wanted: readonly CheckRoute[]) => {
        routes = wanted;
      },
      remove: async () => {},
      repair: async () => {
        const wasFlushed = isFlushed;
        if (wasFlushed) down.clear();
        isFlushed = false;
        return wasFlushed;
      },
      removeLeft: async () => false,
    } as unknown as CheckRules,
    neighborOf: (address) => neighbors.find(({ server }) => server === address),
    defaultPolicy: () => policy,
    onChange: () => changes++,
  });
  await health.follow(configuration);
  return health;
}

const serversOf = (held: Configuration) =>
  Object.fromEntries(
    held.services
      .get(WEB)!
      .servers.map(({ server, options: { failed, weight, weightInForce, sorry } }) => [
        server.address,
        failed ? 'failed' : sorry ? 'sorry' : (weightInForce ?? weight),
      ]),
  );

beforeEach(() => {
  vi.useFakeTimers();
  down = new Set();
  neighbors = [neighbor('10.0.0.11'), neighbor('10.0.0.12')];
  routes = [];
  targets = [];
  changes = 0;
  isFlushed = false;
});
afterEach(() => {
  vi.useRealTimers();
});

test('while nothing is amiss, what is configured is in force, the very same object', async () => {
  const health = await healthOf(CHECKED);
  await vi.advanceTimersByTimeAsync(1100);
  expect(health.inForce(configuration)).toBe(configuration);
  expect(health.stateOf(serviceAddress(WEB), endpoint(A))).toMatchObject({ state: 'up', cause: '' });
  await health.close(false);
});

test('a server whose check fails has failed, and comes back; nothing else changes', async () => {
  const health = await healthOf(CHECKED);
  down.add('10.0.0.11');
  await vi.advanceTimersByTimeAsync(1100);
  const held = health.inForce(configuration);
  expect(serversOf(held)).toEqual({ '10.0.0.11': 'failed', '10.0.0.12': 4 });
  expect(editsBetween(configuration, held)).toHaveLength(1);
  expect(health.stateOf(serviceAddress(WEB), endpoint(A)).cause).toBe('connection refused');
  down.clear();
  await vi.advanceTimersByTimeAsync(1100);
  expect(serversOf(health.inForce(held))).toEqual({ '10.0.0.11': 4, '10.0.0.12': 4 });
  expect(changes).toBe(2);
  await health.close(false);
});

test('checks go through the virtual address, by rules for those whose MAC is known', async () => {
  neighbors = [neighbor('10.0.0.11'), neighbor('10.0.0.12', { mac: null, state: 'INCOMPLETE' })];
  const health = await healthOf(CHECKED);
  await vi.advanceTimersByTimeAsync(1100);
  expect(new Set(targets)).toEqual(new Set(['10.0.0.11 marked', '10.0.0.12 marked']));
  expect(routes).toMatchObject([{ virtual: '10.0.0.100', server: '10.0.0.11', mac: '02:00:00:00:00:11' }]);
  await health.close(false);
});

test('a bad answer through rules that somebody flushed is no bad answer', async () => {
  const health = await healthOf({ ...CHECKED, check: { ...TCP_CHECK, fall: 1, rise: 1 } });
  await vi.advanceTimersByTimeAsync(1100);
  down = new Set(['10.0.0.11', '10.0.0.12']);
  isFlushed = true;
  await vi.advanceTimersByTimeAsync(1100);
  expect(health.inForce(configuration)).toBe(configuration);
  await health.close(false);
});

test('a server that is this host is asked at the virtual address itself', async () => {
  neighbors = [neighbor('10.0.0.11', { kind: 'local', mac: null }), neighbor('10.0.0.12')];
  const health = await healthOf(CHECKED);
  await vi.advanceTimersByTimeAsync(1100);
  expect(new Set(targets)).toEqual(new Set(['10.0.0.100 plain', '10.0.0.12 marked']));
  await health.close(false);
});

test('who does not answer ARP has failed, checked or not', async () => {
  const health = await healthOf(NO_POLICY);
  neighbors = [neighbor('10.0.0.11', { mac: null, state: 'FAILED' }), neighbor('10.0.0.12')];
  const followed = health.followWays();
  await vi.advanceTimersByTimeAsync(100);
  await followed;
  expect(targets).toEqual([]);
  expect(serversOf(health.inForce(configuration))).toEqual({ '10.0.0.11': 'failed', '10.0.0.12': 4 });
  await health.close(false);
});

test('a drained server has weight 0 until it is taken back', async () => {
  const health = await healthOf(NO_POLICY);
  health.setDrained(serviceAddress(WEB), endpoint(A), true);
  expect(serversOf(health.inForce(configuration))).toEqual({ '10.0.0.11': 0, '10.0.0.12': 4 });
  health.setDrained(serviceAddress(WEB), endpoint(A), false);
  expect(health.inForce(configuration)).toBe(configuration);
  await health.close(false);
});

test('slow start: the weight grows with the seconds', async () => {
  const health = await healthOf({ ...CHECKED, slowStartSec: 8 });
  down.add('10.0.0.11');
  await vi.advanceTimersByTimeAsync(1100);
  down.clear();
  await vi.advanceTimersByTimeAsync(1100);
  const weights: unknown[] = [];
  for (let second = 0; second < 10; second += 2) {
    weights.push(serversOf(health.inForce(configuration))['10.0.0.11']);
    await vi.advanceTimersByTimeAsync(2000);
  }
  expect(weights).toEqual([1, 1, 2, 3, 4]);
  await health.close(false);
});

describe('a sorry server', () => {
  const SORRY: HealthPolicy = { ...CHECKED, sorry: { address: '10.0.0.99', port: 80 } };

  test('is there while nobody else can take connections, and is never checked', async () => {
    const health = await healthOf(SORRY);
    down = new Set(['10.0.0.11']);
    await vi.advanceTimersByTimeAsync(1100);
    expect(serversOf(health.inForce(configuration))).not.toHaveProperty('10.0.0.99');
    down.add('10.0.0.12');
    await vi.advanceTimersByTimeAsync(1100);
    const held = health.inForce(configuration);
    expect(serversOf(held)).toEqual({ '10.0.0.99': 'sorry', '10.0.0.11': 'failed', '10.0.0.12': 'failed' });
    await health.follow(held);
    expect(health.inForce(held)).toBe(held);
    expect(targets.some((target) => target.startsWith('10.0.0.99'))).toBe(false);
    down.clear();
    await vi.advanceTimersByTimeAsync(1100);
    expect(serversOf(health.inForce(held))).toEqual({ '10.0.0.11': 4, '10.0.0.12': 4 });
    await health.close(false);
  });

  test('also where all others are drained', async () => {
    const health = await healthOf(SORRY);
    for (const server of [A, B]) health.setDrained(serviceAddress(WEB), endpoint(server), true);
    expect(serversOf(health.inForce(configuration))).toEqual({
      '10.0.0.99': 'sorry',
      '10.0.0.11': 0,
      '10.0.0.12': 0,
    });
    await health.close(false);
  });
});

test('a daemon that takes over checks as the one before did; one that begins anew does not', async () => {
  const before = await healthOf(NO_POLICY);
  before.setPolicy(serviceAddress(WEB), CHECKED);
  await before.close(true);
  const next = await healthOf(NO_POLICY);
  expect(next.policyOf(serviceAddress(WEB))).toEqual(NO_POLICY);
  next.adopt(configuration);
  expect(next.policyOf(serviceAddress(WEB))).toEqual(CHECKED);
  await next.close(false);
  expect(kept).toBeUndefined();
});

test('what a daemon before left as failed is failed until a check says otherwise', async () => {
  const health = await healthOf(CHECKED);
  await health.close(false);
  const left = health.inForce(configuration);
  const next = new ServerHealth({
    ...(health as unknown as { options: ConstructorParameters<typeof ServerHealth>[0] }).options,
  });
  const servers = left.services.get(WEB)!.servers.map((server) => ({
    ...server,
    options: { ...server.options, failed: true as const },
  }));
  const found = { ...left, services: new Map([[WEB, { ...left.services.get(WEB)!, servers }]]) };
  next.adopt(found);
  await next.follow(found);
  expect(next.inForce(found)).toBe(found);
  await vi.advanceTimersByTimeAsync(1100);
  expect(serversOf(next.inForce(found))).toEqual({ '10.0.0.11': 4, '10.0.0.12': 4 });
  await next.close(false);
});
