/** What the programs take of the stack: the verifier of Linux 6.1 refuses more than 512 bytes; newer ones count less. */
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bpfObjectPath } from '../../src/host/bpf.ts';
import { deepestChain, STACK_BYTES } from '../helpers/bpf-stack.ts';

const OBJECT = bpfObjectPath('director');

describe.skipIf(!existsSync(OBJECT))('the stack', () => {
  test.each(['director', 'director_egress', 'sweep', 'end_connection'])('suffices for %s', (program) => {
    const { bytes, functions } = deepestChain(OBJECT, program);
    expect(bytes, functions.join(', ')).toBeLessThanOrEqual(STACK_BYTES);
    expect(bytes).toBeGreaterThan(0);
  });

  test('counts frames of functions that are called, and of those that are handed to bpf_loop()', () => {
    const named = (program: string) =>
      deepestChain(OBJECT, program).functions.map((text) => text.split(' ')[0]);
    expect(named('end_connection')).toEqual(['end_connection', 'clear']);
    expect(named('sweep').slice(0, 3)).toEqual(['sweep', 'sweep_line', 'sweep_group']);
  });
});
