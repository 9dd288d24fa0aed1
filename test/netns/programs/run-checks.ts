/**
 * Runs health checks, all at once: node --import tsx run-checks.ts '[{"options": …, "target": …, "timeoutMs": …}]'.
 * Prints their results and how many raw sockets there were meanwhile, then ends as soon as nothing holds it.
 */
import { readFileSync } from 'node:fs';
import type { CheckOptions, CheckTarget } from '../../../src/health/check.ts';
import { runCheck } from '../../../src/health/run-check.ts';

interface Job {
  readonly options: CheckOptions;
  readonly target: CheckTarget;
  readonly timeoutMs: number;
}

/** Of this network namespace: a line each, below a heading. */
const rawSockets = (): number =>
  ['raw', 'raw6'].reduce(
    (sum, name) => sum + readFileSync(`/proc/self/net/${name}`, 'utf8').trim().split('\n').length - 1,
    0,
  );

const { signal } = new AbortController();
const jobs = JSON.parse(process.argv[2]!) as Job[];
const running = jobs.map(({ options, target, timeoutMs }) => runCheck(options, target, timeoutMs, signal));
const during = rawSockets();
const results = await Promise.all(running);
process.stdout.write(`${JSON.stringify({ results, during, after: rawSockets() })}\n`);
