/**
 * Prometheus' text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats), as prom-client writes it: that one
 * puts each series into a table first, which of 80,000 takes half a second. Pure.
 */

/** The text of labels: see labelText(). Whoever has several series with the same ones makes it once. */
export type Sample = readonly [labels: string, value: number];

export interface Described {
  readonly type: 'counter' | 'gauge';
  readonly name: string;
  readonly help: string;
}

export const NO_LABELS = '';

/** `{service="tcp 10.0.0.100:80"}` */
export function labelText(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return `{${parts.join(',')}}`;
}

const escaped = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');

/** Values are finite, and help is of one line without a backslash. */
export function familyText({ type, name, help }: Described, samples: Iterable<Sample>): string {
  let text = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  for (const [labels, value] of samples) text += `${name}${labels} ${value}\n`;
  return text;
}
