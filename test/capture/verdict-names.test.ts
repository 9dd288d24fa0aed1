import { expect, test } from 'vitest';
import { verdictsNamed } from '../../src/capture/verdict-names.ts';
import { Verdict } from '../../src/datapath/verdict.ts';
import { DirectorError } from '../../src/errors.ts';

test('verdicts are named one by one or by their kind, in letters of any case', () => {
  expect(verdictsNamed(['DropNoNeighbor'])).toEqual([Verdict.DropNoNeighbor]);
  expect(verdictsNamed(['forward', 'FORWARD', 'passarp'])).toEqual([
    Verdict.Forward,
    Verdict.ForwardIcmpError,
    Verdict.ForwardFragment,
    Verdict.PassArp,
  ]);
  expect(verdictsNamed(['Drop'])).toContain(Verdict.DropIpChecksum);
});

test.each(['', 'Dropp', 'Continue', 'all'])('%j is none', (name) => {
  expect(() => verdictsNamed([name])).toThrow(DirectorError);
  expect(() => verdictsNamed([name])).toThrow(/expected Forward, Deliver, Pass, Reply, Drop/);
});
