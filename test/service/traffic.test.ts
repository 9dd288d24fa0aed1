/** Counters and rates, against net/netfilter/ipvs/ip_vs_est.c word for word, in the kernel's integers. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Traffic } from '../../src/service/traffic.ts';

/** struct ip_vs_estimator of one counter. Shifts of BigInt are those of s64: towards minus infinity. */
class Estimator {
  private last = 0n;
  private average = 0n;
  private readonly toFixed: bigint;
  private readonly half: bigint;
  private readonly toWhole: bigint;

  /** cps, inpps, outpps: <<9, +0x1FF >>10; inbps, outbps: <<4, +0xF >>5. */
  constructor(isBytes: boolean) {
    [this.toFixed, this.half, this.toWhole] = isBytes ? [4n, 0xfn, 5n] : [9n, 0x1ffn, 10n];
  }

  look(counter: bigint): void {
    const rate = (counter - this.last) << this.toFixed;
    this.last = counter;
    this.average += (rate - this.average) >> 2n;
  }

  read(): number {
    return Number((this.average + this.half) >> this.toWhole);
  }

  zero(): void {
    this.last = 0n;
    this.average = 0n;
  }
}

describe('rates', () => {
  const load = fc.record({
    op: fc.constant('load' as const),
    connections: fc.nat(3000),
    inPackets: fc.nat(50),
    outPackets: fc.nat(50),
    bytes: fc.oneof(fc.nat(1500), fc.nat(64_000)),
  });
  const step = fc.oneof(
    { weight: 3, arbitrary: load },
    { weight: 5, arbitrary: fc.constant({ op: 'look' as const }) },
    { weight: 1, arbitrary: fc.constant({ op: 'zero' as const }) },
  );

  test('are those of the kernel’s estimator after any load, pauses and zeroing', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const traffic = new Traffic();
        const names = ['connections', 'inPackets', 'outPackets', 'inBytes', 'outBytes'] as const;
        const book = names.map((name) => new Estimator(name.endsWith('Bytes')));
        for (const one of steps) {
          if (one.op === 'zero') {
            traffic.zero();
            for (const each of book) each.zero();
          } else if (one.op === 'look') {
            const counters = traffic.read();
            traffic.estimate();
            names.forEach((name, index) => {
              book[index]!.look(BigInt(counters[name]));
            });
          } else {
            traffic.connections += one.connections;
            for (let count = 0; count < one.inPackets; count++) traffic.countIn(one.bytes);
            for (let count = 0; count < one.outPackets; count++) traffic.countOut(one.bytes);
          }
          const rates = traffic.readRates();
          expect(names.map((name) => rates[name])).toEqual(book.map((each) => each.read()));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('of a steady load come to that load, and fall to nothing after it', () => {
    const traffic = new Traffic();
    for (let look = 0; look < 60; look++) {
      for (let packet = 0; packet < 200; packet++) traffic.countIn(1000);
      traffic.connections += 20;
      traffic.estimate();
    }
    expect(traffic.readRates()).toMatchObject({ connections: 10, inPackets: 100, inBytes: 100_000 });
    for (let look = 0; look < 80; look++) traffic.estimate();
    const nothing = { connections: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 };
    expect(traffic.readRates()).toEqual(nothing);
  });

  test('at 100 Gbit/s are still whole and right', () => {
    const traffic = new Traffic();
    for (let look = 0; look < 150; look++) {
      traffic.inBytes += 25e9;
      traffic.estimate();
    }
    expect(traffic.readRates().inBytes).toBe(12.5e9);
  });
});

test('counters are of IP packets and bytes, in and out apart, until they are zeroed', () => {
  const traffic = new Traffic();
  traffic.countIn(40);
  traffic.countIn(1500);
  traffic.countOut(52);
  expect(traffic.read()).toEqual({
    connections: 0,
    inPackets: 2,
    outPackets: 1,
    inBytes: 1540,
    outBytes: 52,
  });
  traffic.zero();
  expect(Object.values(traffic.read())).toEqual([0, 0, 0, 0, 0]);
});
