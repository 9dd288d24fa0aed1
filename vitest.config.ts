import { defineConfig } from 'vitest/config';
import LongestFirst from './test/helpers/longest-first.ts';

// Tests that touch the kernel (namespaces, raw sockets) live apart from those that need nothing.
const KERNEL_TESTS = ['netns', 'native', 'scripts', 'xdp/kernel', 'explain/kernel'].map(
  (name) => `test/${name}/**/*.test.ts`,
);

export default defineConfig({
  test: {
    pool: 'forks',
    sequence: { sequencer: LongestFirst },
    reporters: ['default', './test/helpers/count-reporter.ts'],
    projects: [
      {
        extends: true,
        // A property that takes a second takes ten on a busy machine.
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: KERNEL_TESTS,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'netns',
          include: KERNEL_TESTS,
          // They wait most of their time; what they make bears the number of their process.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'failover',
          include: ['test/bench/failover/*.bench.ts'],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
