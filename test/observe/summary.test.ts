/** Of a large cluster `director status` has as much as one can read, and begins with what is in trouble. */
import { describe, expect, test } from 'vitest';
import { pick } from '../../src/observe/summary.ts';
import type { ConfiguredServer, ConfiguredService } from '../../src/service/configuration.ts';
import type { ServerOptions } from '../../src/service/model.ts';
import { endpoint, SERVER_OPTIONS, SERVICE_OPTIONS, serviceAddress } from '../helpers/edits.ts';

const server = (last: number, options: Partial<ServerOptions> = {}): ConfiguredServer => ({
  server: endpoint(`10.0.0.${last}:80`),
  options: { ...SERVER_OPTIONS, ...options },
});

const service = (port: number, servers: readonly ConfiguredServer[]): ConfiguredService => ({
  service: serviceAddress(`tcp 10.0.0.100:${port}`),
  options: SERVICE_OPTIONS,
  servers,
});

const HEALTHY = Array.from({ length: 10 }, (_, last) => server(last));
const many = (count: number) => Array.from({ length: count }, (_, port) => service(port + 1, HEALTHY));

const neighbor = (server: string, kind: 'neighbor' | 'unreachable' | 'local', mac: string | null) => ({
  server,
  kind,
  mac,
});
const reached = Array.from({ length: 300 }, (_, last) => neighbor(`${last}`, 'neighbor', '02::'));

const NOTHING = { services: [], neighbors: [], warnings: [] };

describe('services', () => {
  test('are all there, with all servers, up to 60 lines', () => {
    const services = [...many(5), service(80, HEALTHY.slice(0, 4))];
    const picked = pick({ ...NOTHING, services });
    expect(picked.services).toEqual(services.map((of) => ({ of, servers: of.servers })));
    expect(picked.more).toEqual({ services: 0, servers: 0, neighbors: 0, warnings: 0 });
  });

  test('beyond that are there without the servers that do well', () => {
    const services = many(1000);
    const picked = pick({ ...NOTHING, services });
    expect(picked.services).toEqual(services.slice(0, 60).map((of) => ({ of, servers: [] })));
    expect(picked.more).toMatchObject({ services: 940, servers: 10_000 });
  });

  test.each<[string, Partial<ServerOptions>]>([
    ['down', { failed: true }],
    ['drained', { weightInForce: 0 }],
    ['without weight', { weight: 0 }],
  ])('with a server that is %s come first, with it alone', (_, options) => {
    const bad = server(77, options);
    const inTrouble = service(900, [...HEALTHY, bad]);
    const picked = pick({ ...NOTHING, services: [...many(500), inTrouble] });
    expect(picked.services[0]).toEqual({ of: inTrouble, servers: [bad] });
    expect(picked.services.slice(1)).toEqual(many(58).map((of) => ({ of, servers: [] })));
    expect(picked.more).toMatchObject({ services: 501 - 59, servers: 5000 + 11 - 1 });
  });

  test('one of them with all of its servers down has 60 lines', () => {
    const down = Array.from({ length: 200 }, (_, last) => server(last, { failed: true }));
    const picked = pick({ ...NOTHING, services: [service(80, down)] });
    expect(picked.services).toMatchObject([{ servers: down.slice(0, 59) }]);
    expect(picked.more).toMatchObject({ services: 0, servers: 141 });
  });
});

describe('neighbours and warnings', () => {
  test('up to 20 are there in their order', () => {
    const neighbors = [...reached.slice(0, 19), neighbor('gone', 'neighbor', null)];
    const warnings = Array.from({ length: 20 }, (_, index) => `number ${index}`);
    expect(pick({ ...NOTHING, neighbors, warnings })).toMatchObject({ neighbors, warnings });
  });

  test('beyond that those come first to which no frame can be sent', () => {
    const neighbors = [...reached];
    neighbors[280] = neighbor('gone', 'neighbor', null);
    neighbors[290] = neighbor('far', 'unreachable', null);
    neighbors[295] = neighbor('own', 'local', null);
    const picked = pick({ ...NOTHING, neighbors });
    expect(picked.neighbors).toEqual([neighbors[280], neighbors[290], ...reached.slice(0, 18)]);
    expect(picked.more).toMatchObject({ neighbors: 280 });
  });

  test('of more than 20 warnings the first are there', () => {
    const warnings = Array.from({ length: 500 }, (_, index) => `number ${index}`);
    const picked = pick({ ...NOTHING, warnings });
    expect(picked.warnings).toEqual(warnings.slice(0, 20));
    expect(picked.more).toMatchObject({ warnings: 480 });
  });
});
