/** Random servers, weights, edits and connections: our schedulers choose what those of models.ts choose. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RealServer } from '../../src/service/real-server.ts';
import { type Model, models } from './models.ts';
import { numberOf, Pool, packetOf } from './pool.ts';

const HOUR_TICKS = 60 * 60 * 100;

const number = fc.integer({ min: 1, max: 7 });
const weight = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 6 }) },
  { weight: 1, arbitrary: fc.constantFrom(60, 100, 257, 60000) },
);
const upperThreshold = fc.constantFrom(0, 0, 0, 1, 3, 6);

const operation = fc.oneof(
  { weight: 3, arbitrary: fc.record({ op: fc.constant('put'), number, weight, upperThreshold }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('remove'), number }) },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant('open'),
      host: fc.integer({ min: 1, max: 250 }),
      port: fc.integer({ min: 1, max: 65535 }),
      virtual: fc.integer({ min: 100, max: 103 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('settle'), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('close'), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('wait'), hours: fc.constantFrom(1, 9, 15, 25) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer Value> ? Value : never;

class Harness {
  private readonly pool: Pool;
  private readonly model: Model;
  private readonly active: RealServer[] = [];
  private readonly inactive: RealServer[] = [];
  private now = 0;

  constructor(name: string, flags: number, model: Model) {
    this.pool = new Pool(name, flags);
    this.model = model;
  }

  run(operation: Operation): void {
    if ('virtual' in operation) this.open(operation.host, operation.port, operation.virtual);
    else if ('number' in operation) this.edit(operation);
    else if ('hours' in operation) this.now += operation.hours * HOUR_TICKS;
    else this.end(operation.op === 'settle' ? this.active : this.inactive, operation.op, operation.which);
  }

  private edit(edit: { number: number; weight?: number; upperThreshold?: number }): void {
    const before = this.pool.service.servers;
    const isListed = this.pool.server(edit.number) !== undefined;
    if (edit.weight === undefined) {
      if (!isListed) return;
      this.pool.remove(edit.number);
    } else {
      const limits = { upperThreshold: edit.upperThreshold ?? 0 };
      if (isListed) this.pool.edit(edit.number, edit.weight, limits);
      else this.pool.add(edit.number, edit.weight, limits);
    }
    this.model.changed?.(this.pool.service.servers, before);
  }

  private open(host: number, port: number, virtual: number): void {
    const packet = packetOf(`10.10.1.${host}`, port, `10.10.0.${virtual}`);
    const request = { client: packet.client0, clientPort: port, virtual: packet.virtual0, now: this.now };
    const wanted = this.model.choose(this.pool.service.servers, request);
    const server = this.pool.choose(packet, this.now);
    expect(numberOf(server)).toBe(numberOf(wanted));
    if (server === undefined) return;
    server.activeConnections++;
    server.updateOverload();
    this.active.push(server);
  }

  /** An active connection becomes inactive, an inactive one goes. */
  private end(from: RealServer[], op: string, which: number): void {
    if (from.length === 0) return;
    const [server] = from.splice(which % from.length, 1);
    if (op === 'settle') {
      server!.activeConnections--;
      server!.inactiveConnections++;
      this.inactive.push(server!);
    } else server!.inactiveConnections--;
    server!.updateOverload();
  }
}

for (const { name, flags, create } of models) {
  test(`${name} with flags ${flags} chooses by the book`, { timeout: 60_000 }, () => {
    const operations = fc.array(operation, { minLength: 10, maxLength: 60, size: 'max' });
    fc.assert(
      fc.property(operations, (sequence) => {
        const harness = new Harness(name, flags, create());
        for (const one of sequence) harness.run(one);
      }),
      { numRuns: name === 'mh' ? 20 : 150 },
    );
  });
}
