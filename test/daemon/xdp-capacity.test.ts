/** What the XDP datapath's maps hold at most, edit by edit. */
import { describe, expect, test } from 'vitest';
import { CapacityCheck, MAX_MARK_ENTRIES } from '../../src/daemon/xdp-capacity.ts';
import { EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';
import type { Edit } from '../../src/service/model.ts';
import { addServer, addService, endpoint, serviceAddress } from '../helpers/edits.ts';

const CAPACITY = { services: 2, servers: 3 };
const [A, B, C] = ['tcp 10.0.0.100:80', 'tcp 10.0.0.101:80', 'tcp 10.0.0.102:80'] as const;
const server = (n: number) => `10.0.0.${n}:80`;
const deleteServer = (service: string, name: string): Edit => ({
  op: 'delete-server',
  service: serviceAddress(service),
  server: endpoint(name),
});
const full = [
  addService(A),
  addServer(A, server(1)),
  addServer(A, server(2)),
  addService(B),
  addServer(B, server(1)),
];

/** Carries them out from nothing; the code and option of what is refused. */
function outcomes(...edits: Edit[]): string[] {
  const check = new CapacityCheck(CAPACITY, EMPTY_CONFIGURATION);
  let configuration = EMPTY_CONFIGURATION;
  return edits.map((edit) => {
    try {
      configuration = check.apply(configuration, edit);
      return 'taken';
    } catch (error) {
      return /--[a-z-]+$/.exec((error as Error).message)?.[0] ?? (error as Error).message;
    }
  });
}
const lastOf = (...edits: Edit[]) => outcomes(...full, ...edits).slice(full.length);

describe('an edit', () => {
  test('that fills everything is taken, the next one refused with the option that raises it', () => {
    expect(outcomes(...full)).toEqual(full.map(() => 'taken'));
    expect(lastOf(addService(C), addServer(B, server(2)))).toEqual(['--max-services', '--max-servers']);
  });

  test('has room again after something was deleted', () => {
    const more = addServer(B, server(2));
    expect(lastOf(deleteServer(A, server(1)), more, more)).toEqual(['taken', 'taken', '--max-servers']);
    const deletion: Edit = { op: 'delete-service', service: serviceAddress(A) };
    expect(lastOf(deletion, addService(C), addServer(C, server(1)), addServer(C, server(2)))).toEqual(
      Array(4).fill('taken'),
    );
    expect(lastOf({ op: 'flush' }, ...full)).toEqual(Array(6).fill('taken'));
  });

  test('that is refused for another reason counts nothing', () => {
    const existing = addServer(A, server(1));
    const edits = [
      addService(A),
      existing,
      existing,
      existing,
      addServer(A, server(2)),
      addServer(A, server(3)),
    ];
    expect(outcomes(...edits).filter((outcome) => outcome === 'taken')).toHaveLength(4);
  });

  test('of marks may have so many combinations of rule and source', () => {
    const rule = (count: number) => ({
      mark: 1,
      destination: '10.0.0.100',
      sources: Array.from({ length: count }, (_, n) => `10.1.${n >> 8}.${n & 255}`),
    });
    const marks = (...counts: number[]): Edit => ({ op: 'set-marks', rules: counts.map(rule) });
    expect(outcomes(marks(MAX_MARK_ENTRIES - 1, 1))).toEqual(['taken']);
    expect(outcomes(marks(MAX_MARK_ENTRIES, 1))[0]).toContain(`${MAX_MARK_ENTRIES + 1} combinations`);
  });
});
