/** A reload: the edits between any two configurations lead from one to the other and touch nothing else. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  applyEdit,
  type Configuration,
  EMPTY_CONFIGURATION,
  endpointText,
  serviceKey,
} from '../../src/service/configuration.ts';
import { editsBetween } from '../../src/service/difference.ts';
import type { Edit } from '../../src/service/model.ts';
import {
  addServer,
  addService,
  deleteServer,
  editServer,
  editService,
  SERVER_OPTIONS,
} from '../helpers/edits.ts';

const SERVICES = ['tcp 10.0.0.100:80', 'udp 10.0.0.100:53', 'tcp [fd00::100]:80', 'fwmark 3'];
const SERVERS = ['10.0.0.11:80', '10.0.0.12:80', '10.0.0.13:8080', '127.0.0.1:80'];

const applied = (edits: readonly Edit[], from = EMPTY_CONFIGURATION): Configuration =>
  edits.reduce(applyEdit, from);

const someServers = fc
  .shuffledSubarray(SERVERS)
  .chain((names) =>
    fc.tuple(...names.map((name) => fc.record({ name: fc.constant(name), weight: fc.nat(2) }))),
  );
const someService = fc.record({
  scheduler: fc.constantFrom('rr', 'wlc'),
  persistentSec: fc.constantFrom(0, 300),
  servers: someServers,
});
const someConfiguration = fc
  .shuffledSubarray(SERVICES)
  .chain((names) => fc.tuple(...names.map((name) => fc.tuple(fc.constant(name), someService))))
  .map((services) =>
    applied(
      services.flatMap(([name, { servers, ...options }]) => [
        addService(name, options),
        ...servers.map((server) => addServer(name, server.name, { weight: server.weight })),
      ]),
    ),
  );

/** Without the order of what was there before. */
const plain = (configuration: Configuration) =>
  new Map(
    [...configuration.services].map(([key, { options, servers }]) => [
      key,
      { options, servers: new Map(servers.map(({ server, options }) => [endpointText(server), options])) },
    ]),
  );

describe('editsBetween()', () => {
  test('leads from any configuration to any other', () => {
    fc.assert(
      fc.property(someConfiguration, someConfiguration, (from, to) => {
        const after = applied(editsBetween(from, to), from);
        expect(plain(after)).toEqual(plain(to));
        expect(editsBetween(after, to)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test('leads from nothing to any configuration, with its very order', () => {
    fc.assert(
      fc.property(someConfiguration, (to) => {
        const after = applied(editsBetween(EMPTY_CONFIGURATION, to));
        expect([...after.services]).toEqual([...to.services]);
      }),
      { numRuns: 300 },
    );
  });

  test('puts added servers before the ones that stay, in their own order', () => {
    fc.assert(
      fc.property(someConfiguration, someConfiguration, (from, to) => {
        const after = applied(editsBetween(from, to), from);
        for (const [key, { servers }] of after.services) {
          const names = servers.map(({ server }) => endpointText(server));
          const before = new Set(from.services.get(key)?.servers.map(({ server }) => endpointText(server)));
          const wanted = to.services.get(key)!.servers.map(({ server }) => endpointText(server));
          const added = wanted.filter((name) => !before.has(name));
          expect(names.slice(0, added.length)).toEqual(added);
          const kept =
            from.services
              .get(key)
              ?.servers.map(({ server }) => endpointText(server))
              .filter((name) => wanted.includes(name)) ?? [];
          expect(names.slice(added.length)).toEqual(kept);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('names nothing that is the same in both', () => {
    fc.assert(
      fc.property(someConfiguration, someConfiguration, (from, to) => {
        for (const edit of editsBetween(from, to))
          expect(isNeeded(edit, from, to), JSON.stringify(edit)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  function isNeeded(edit: Edit, from: Configuration, to: Configuration): boolean {
    if (!('service' in edit) || edit.service === undefined) return false;
    const [before, after] = [from, to].map(({ services }) => services.get(serviceKey(edit.service!)));
    if (edit.op === 'add-service') return before === undefined;
    if (edit.op === 'delete-service') return after === undefined;
    if (edit.op === 'edit-service') return JSON.stringify(before!.options) !== JSON.stringify(after!.options);
    if (!('server' in edit)) return false;
    const optionsIn = (service = before) =>
      service?.servers.find(({ server }) => endpointText(server) === endpointText(edit.server))?.options;
    return JSON.stringify(optionsIn(before)) !== JSON.stringify(optionsIn(after));
  }

  test('is, for one change, that change', () => {
    const before = applied([
      addService(SERVICES[0]!),
      addServer(SERVICES[0]!, SERVERS[0]!),
      addServer(SERVICES[0]!, SERVERS[1]!),
    ]);
    const changes = [
      editService(SERVICES[0]!, { scheduler: 'wrr' }),
      editServer(SERVICES[0]!, SERVERS[0]!, { weight: 0 }),
      addServer(SERVICES[0]!, SERVERS[2]!, { weight: 2 }),
      deleteServer(SERVICES[0]!, SERVERS[1]!),
      addService(SERVICES[1]!),
    ];
    for (const change of changes) expect(editsBetween(before, applyEdit(before, change))).toEqual([change]);
  });

  test('has no edit for the same written in another order of keys', () => {
    const from = applied([addService(SERVICES[0]!), addServer(SERVICES[0]!, SERVERS[0]!)]);
    const { forwarding, ...others } = SERVER_OPTIONS;
    const turned = { ...addServer(SERVICES[0]!, SERVERS[0]!), options: { ...others, forwarding } } as Edit;
    const to = applied([addService(SERVICES[0]!), turned]);
    expect(JSON.stringify([...to.services])).not.toBe(JSON.stringify([...from.services]));
    expect(editsBetween(from, to)).toEqual([]);
  });

  test('leads by no configuration that has more servers than both', () => {
    const serversIn = ({ services }: Configuration) =>
      [...services.values()].reduce((sum, { servers }) => sum + servers.length, 0);
    fc.assert(
      fc.property(someConfiguration, someConfiguration, (from, to) => {
        const most = Math.max(serversIn(from), serversIn(to));
        let configuration = from;
        for (const edit of editsBetween(from, to)) {
          configuration = applyEdit(configuration, edit);
          expect(serversIn(configuration)).toBeLessThanOrEqual(most);
        }
      }),
      { numRuns: 300 },
    );
  });
});
