/** Whether the ring datapath can be had, and what is said if not. */
import { expect, test } from 'vitest';
import { requireRing } from '../../src/daemon/ring-preparation.ts';
import { DirectorError } from '../../src/errors.ts';

const failing = (code: string, text: string) => () => {
  throw Object.assign(new Error(`setsockopt: ${text} (${code})`), { code, syscall: 'setsockopt', errno: -1 });
};

test('a ring that opens is enough', () => {
  expect(() => requireRing('eth0', () => {})).not.toThrow();
});

test.each([
  [
    'EINVAL',
    'Invalid argument',
    'no rings on eth0: setsockopt: Invalid argument (EINVAL); the ring datapath needs Linux 4.6 or newer',
  ],
  [
    'ENOMEM',
    'Cannot allocate memory',
    'no rings on eth0: setsockopt: Cannot allocate memory (ENOMEM); the ring datapath needs 32 MiB of memory of the kernel',
  ],
  [
    'EPERM',
    'Operation not permitted',
    'no rings on eth0: setsockopt: Operation not permitted (EPERM); the ring datapath needs root, or CAP_NET_RAW',
  ],
  ['ENODEV', 'No such device', 'no rings on eth0: setsockopt: No such device (ENODEV)'],
])('what the kernel says to it is told, with what it takes: %s', (code, text, message) => {
  const refusal = expect.objectContaining({ code: 'RING_UNAVAILABLE', message });
  expect(() => requireRing('eth0', failing(code, text))).toThrow(refusal);
});

test('an addon that is not there is the reason as it stands', () => {
  const missing = new DirectorError(
    'TOOL_MISSING',
    'the native addon is not built; run: npm run build:native',
  );
  const probe = () => {
    throw missing;
  };
  expect(() => requireRing('eth0', probe)).toThrow(missing);
});
