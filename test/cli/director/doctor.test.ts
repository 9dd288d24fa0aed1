/** What people see of a doctor's report, and the exit code. */
import { describe, expect, test } from 'vitest';
import { exitCodeOf } from '../../../src/cli/director/doctor.ts';
import { renderReport } from '../../../src/cli/director/doctor-report.ts';
import type { Report } from '../../../src/doctor/doctor.ts';

const report: Report = {
  role: 'director',
  interface: 'eth0',
  virtual: ['10.0.0.100'],
  director: true,
  problems: 1,
  checks: [
    { name: 'vip', state: 'fine', said: 'the director has the virtual addresses', findings: [] },
    {
      name: 'redirects',
      state: 'found',
      said: '',
      findings: [
        { id: 'sends-redirects', severity: 'warning', what: 'it redirects', shown: 'so', fix: null },
      ],
    },
    {
      name: 'arp',
      state: 'found',
      said: '',
      findings: [
        {
          id: 'duplicate-vip',
          severity: 'problem',
          what: 'another host has it',
          shown: 'it answered',
          fix: { command: 'ip addr flush to 10.0.0.100', on: '10.0.0.9' },
        },
      ],
    },
    { name: 'clock', state: 'not checked', said: 'nobody answers', findings: [] },
  ],
};

describe('a report', () => {
  test('tells problems first, each with how it showed and where it is mended', () => {
    expect(renderReport(report, false).split('\n')).toEqual([
      'problem: another host has it [duplicate-vip]',
      '  showed by: it answered',
      '  mended by, on 10.0.0.9:',
      '    ip addr flush to 10.0.0.100',
      '',
      'warning: it redirects [sends-redirects]',
      '  showed by: so',
      '',
      'director, eth0, virtual 10.0.0.100: 1 problem; 1 warning; 1 of 4 checks fine; not checked: clock (--verbose says why)',
    ]);
  });

  test('tells what is fine, and what was not checked, when asked to', () => {
    expect(renderReport(report, true).split('\n').slice(0, 3)).toEqual([
      'fine vip: the director has the virtual addresses',
      'not checked clock: nobody answers',
      '',
    ]);
  });

  test('without problems says from where to try', () => {
    const fine = { ...report, problems: 0, checks: report.checks.slice(0, 1) };
    expect(renderReport(fine, false).split('\n')).toEqual([
      'director, eth0, virtual 10.0.0.100: no problems; 1 of 1 checks fine',
      'Try it from a client, not from this host or a real server: they have the virtual address themselves.',
    ]);
  });
});

test.each([
  [0, 0],
  [1, 11],
  [2, 12],
  [100, 110],
  [5000, 110],
])('%i problems: exit code %i', (problems, code) => {
  expect(exitCodeOf(problems)).toBe(code);
});
