/** A flood is told of once when it begins and once when it is over, whatever pauses it makes. */
import { expect, test } from 'vitest';
import { createPath } from '../../src/datapath/path.ts';
import { Verdict } from '../../src/datapath/verdict.ts';
import { FloodNotice } from '../../src/worker/flood-notice.ts';

const LOOK_MS = 50;

function watched() {
  const path = createPath({
    sink: { transmit: () => true, deliver: () => true },
    ownMac: { high: 0, low: 0 },
    connectionTableSize: 8,
    seed: [1, 2],
  });
  const notice = new FloodNotice();
  const said: string[] = [];
  let nowMs = 1000;
  return {
    said,
    /** With so many first SYNs. */
    pass(isOn: boolean, seconds: number, dropped = 0): void {
      path.synFlood.isOn = isOn;
      for (const endMs = nowMs + 1000 * seconds; nowMs < endMs; nowMs += LOOK_MS) {
        const told = notice.look(path, nowMs);
        if (told !== undefined) said.push(`${told.level}: ${told.message.split(':')[0]}`);
      }
      path.verdicts[Verdict.DropFirstSyn]! += dropped;
    },
    last: () => notice.look(path, nowMs)?.message,
  };
}

test('a flood with pauses is one', () => {
  const { pass, said } = watched();
  pass(false, 10);
  expect(said).toEqual([]);
  for (let pulse = 0; pulse < 10; pulse++) {
    pass(true, 2, 1000);
    pass(false, 4);
  }
  expect(said).toEqual(['warn: a SYN flood has begun, of more than 10000 a second (syn_flood_rate)']);
  pass(false, 10);
  expect(said.slice(1)).toEqual(['info: the SYN flood is over after 56 s']);
});

test('another one counts its own', () => {
  const { pass, said, last } = watched();
  pass(true, 1, 700);
  pass(false, 10);
  pass(true, 3, 42);
  pass(false, 4.95);
  expect(said).toHaveLength(3);
  expect(last()).toBe('the SYN flood is over after 3 s: 42 first SYNs were dropped');
});
