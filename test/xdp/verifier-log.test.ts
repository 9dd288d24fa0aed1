import { expect, test } from 'vitest';
import { verifierRefusal } from '../../src/xdp/verifier-log.ts';

test('the reason is the line before the totals', () => {
  const log = [
    "libbpf: prog 'director': BPF program load failed: Permission denied",
    "libbpf: prog 'director': -- BEGIN PROG LOAD LOG --",
    '4786: (85) call bpf_xdp_load_bytes#189',
    'R4 invalid zero-sized read: u64=[0,1231]',
    'processed 69694 insns (limit 1000000) max_states_per_insn 44 total_states 4621 peak_states 1931 mark_read 44',
    '-- END PROG LOAD LOG --',
    "libbpf: prog 'director': failed to load: -13",
    '',
  ].join('\n');
  expect(verifierRefusal(log)).toBe('R4 invalid zero-sized read: u64=[0,1231]');
});

test('a log in which the verifier did not speak has none', () => {
  expect(
    verifierRefusal("libbpf: map 'servers': failed to create: Operation not permitted(-1)\n"),
  ).toBeUndefined();
});
