/** The path makes no garbage: the heap is the same after a million frames of each kind, without a collection. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const FRAMES = 1_000_000;
/** One object a frame would be 16 bytes and more; compiled code and the like take some hundred kilobytes once. */
const MAX_BYTES_A_FRAME = 1;
/** Mebibytes: garbage of 64 bytes a frame would not fit, and be seen as a collection. */
const YOUNG_SPACE = 64;

interface Result {
  readonly name: string;
  readonly expected: string;
  readonly verdict: string;
  readonly grownBytes: number;
  readonly collections: number;
}

function runChild(): readonly Result[] {
  const program = fileURLToPath(new URL('./allocation-child.ts', import.meta.url));
  const flags = [
    '--expose-gc',
    `--max-semi-space-size=${YOUNG_SPACE}`,
    `--min-semi-space-size=${YOUNG_SPACE}`,
  ];
  const output = execFileSync(process.execPath, [...flags, '--import', 'tsx', program, String(FRAMES)]);
  return JSON.parse(output.toString()) as readonly Result[];
}

describe('forwarding a million frames', () => {
  const results = runChild();

  test.each(results)('$name', ({ expected, verdict, grownBytes, collections }) => {
    expect(verdict).toBe(expected);
    expect(collections).toBe(0);
    expect(grownBytes / FRAMES).toBeLessThan(MAX_BYTES_A_FRAME);
  });
});
