/** Prometheus' text is byte for byte what prom-client would write of the same values. */
import { Counter, Gauge, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { type Described, familyText, labelText, NO_LABELS } from '../../src/observe/text-format.ts';

type Values = readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];

function byPromClient({ type, name, help }: Described, values: Values): Promise<string> {
  const registry = new Registry();
  const labelNames = Object.keys(values[0]?.[0] ?? { none: '' });
  const settings = { name, help, labelNames, registers: [registry] };
  const metric = type === 'counter' ? new Counter(settings) : new Gauge(settings);
  for (const [labels, value] of values) metric.inc(labels, value);
  return registry.metrics();
}

test.each<readonly [string, Described['type'], Values]>([
  ['one value without labels', 'gauge', [[{}, 5]]],
  ['no value', 'counter', []],
  [
    'large, small and negative numbers',
    'gauge',
    [0, 1, 1.5, -2, 2 ** 53, 1e21, 1e-7, 0.1 + 0.2].map((value, index) => [{ index: `${index}` }, value]),
  ],
  [
    'what must be escaped',
    'counter',
    ['', 'a"b', 'a\\b', 'a\nb', '\\n"', 'tcp [fd00::1]:80', 'ä{}='].map((text) => [
      { service: text, server: 's' },
      1,
    ]),
  ],
])('%s', async (_, type, values) => {
  const family = { type, name: 'director_some', help: 'What it is, in "words".' };
  const samples = values.map(
    ([labels, value]) => [Object.keys(labels).length === 0 ? NO_LABELS : labelText(labels), value] as const,
  );
  expect(familyText(family, samples)).toBe(await byPromClient(family, values));
});
