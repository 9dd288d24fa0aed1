import { defineConfig } from 'vitest/config';

// Tests that touch the kernel (namespaces, raw sockets) live apart from those that need nothing.
const KERNEL_TESTS = ['netns', 'native', 'scripts', 'xdp/kernel', 'explain/kernel'].map(
  (name) => `test/${name}/**/*.test.ts`,
);

export default defineConfig({
  test: {
    pool: 'forks',
    // Kernel tests wait most of their time; what they make bears the number of their process.
    maxWorkers: 2,
    reporters: ['default', './test/helpers/count-reporter.ts'],
    projects: [
      {
        extends: true,
        // A property that takes a second takes ten on a busy machine.
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: KERNEL_TESTS,
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'netns',
          include: KERNEL_TESTS,
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
