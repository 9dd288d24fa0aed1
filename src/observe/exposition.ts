/** The text that Prometheus scrapes, made family by family, so that the daemon goes on with its work in between. */
import { setImmediate as pause } from 'node:timers/promises';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { FAMILIES } from './metrics.ts';
import { prepare, type Scrape } from './scrape.ts';
import { familyText } from './text-format.ts';

/** Gauges that are called as counters are. */
const MISNAMED = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`);

/** Of the daemon's process: CPU, memory, event loop. Since the first scrape. */
let ofProcess: Registry | undefined;

export async function renderMetrics(scrape: Scrape): Promise<string> {
  const prepared = prepare(scrape);
  const parts: string[] = [];
  for (const family of FAMILIES) {
    await pause();
    const samples = [...family.samples(prepared)];
    // One without labels and without a value is not there.
    if (samples.length > 0 || family.labels.length > 0) parts.push(familyText(family, samples));
  }
  ofProcess ??= collectOfProcess();
  parts.push(await ofProcess.metrics());
  return parts.join('');
}

function collectOfProcess(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  return registry;
}
