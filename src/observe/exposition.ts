/** The text that Prometheus scrapes, made family by family, so that the daemon goes on with its work in between. */
import { setImmediate as pause } from 'node:timers/promises';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { FAMILIES, type Family } from './metrics.ts';
import { type Prepared, prepare, type Scrape } from './scrape.ts';

/** Gauges that are called as counters are. */
const MISNAMED = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`);

/** Of the daemon's process: CPU, memory, event loop. Since the first scrape. */
let ofProcess: Registry | undefined;

export async function renderMetrics(scrape: Scrape): Promise<string> {
  const prepared = prepare(scrape);
  const parts: string[] = [];
  for (const family of FAMILIES) {
    await pause();
    parts.push(await renderFamily(family, prepared));
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

/** Its values are what others have counted, so that it is made anew each time: services come and go. */
async function renderFamily({ type, name, help, labels, samples }: Family, of: Prepared): Promise<string> {
  const found = [...samples(of)];
  // Without labels it would say 0.
  if (found.length === 0 && labels.length === 0) return '';
  const registry = new Registry();
  const settings = { name, help, labelNames: [...labels], registers: [registry] };
  if (type === 'counter') {
    const counter = new Counter(settings);
    for (const [given, value] of found) counter.inc(given, value);
  } else {
    const gauge = new Gauge(settings);
    for (const [given, value] of found) gauge.set(given, value);
  }
  return registry.metrics();
}
