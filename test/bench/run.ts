/**
 * `npm run bench`: what forwarding costs, as medians with spread. The path alone needs nothing; the engines on veth
 * need root and are left out, aloud, without it.
 */
import { measurePath, type PathRow } from './path.ts';
import { measurePcap } from './pcap.ts';
import { measureRestore } from './restore.ts';

const MARKDOWN_ROW = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;

function printPath(rows: readonly PathRow[]): void {
  console.log('The TypeScript path alone, one core:');
  console.log(MARKDOWN_ROW(['what', 'median', '10 % … 90 %', 'unit', 'bar', '']));
  console.log(MARKDOWN_ROW(['---', '---', '---', '---', '---', '---']));
  for (const { what, unit, summary, bar } of rows) {
    const { median, low, high } = summary;
    const verdict = bar === undefined ? '' : median <= bar ? 'met' : 'MISSED';
    const barText = bar === undefined ? '' : `≤ ${bar}`;
    console.log(
      MARKDOWN_ROW([
        what,
        median.toFixed(0),
        `${low.toFixed(0)} … ${high.toFixed(0)}`,
        unit,
        barText,
        verdict,
      ]),
    );
  }
}

printPath(measurePath());

async function printPcap(): Promise<void> {
  if (process.getuid?.() !== 0) {
    console.log('\nSKIPPED: the pcap engine on veth needs root.');
    return;
  }
  const BAR = 0.85;
  const { ours, bare, ratio } = await measurePcap();
  const row = (what: string, { median, low, high }: typeof ours, digits: number) =>
    MARKDOWN_ROW([what, median.toFixed(digits), `${low.toFixed(digits)} … ${high.toFixed(digits)}`]);
  console.log('\nThe pcap engine on veth, frames per second, overloaded, in turns with a bare cap loop:');
  console.log(MARKDOWN_ROW(['what', 'median', '10 % … 90 %']));
  console.log(MARKDOWN_ROW(['---', '---', '---']));
  console.log(row('director, 1,000 UDP flows', ours, 0));
  console.log(row('bare cap loop', bare, 0));
  console.log(row(`ratio (bar: ≥ ${BAR}, ${ratio.median >= BAR ? 'met' : 'MISSED'})`, ratio, 2));
}

async function printRestore(): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const BARS_MS = { restore: 3000, list: 1000 };
  const { restore, list } = await measureRestore();
  const row = (what: string, { median, low, high }: typeof list, bar: number) =>
    MARKDOWN_ROW([
      what,
      median.toFixed(0),
      `${low.toFixed(0)} … ${high.toFixed(0)}`,
      `≤ ${bar}`,
      median <= bar ? 'met' : 'MISSED',
    ]);
  console.log('\n1,000 services with 10 servers each, milliseconds of the whole command:');
  console.log(MARKDOWN_ROW(['what', 'median', '10 % … 90 %', 'bar', '']));
  console.log(MARKDOWN_ROW(['---', '---', '---', '---', '---']));
  console.log(row('diradm -R', restore, BARS_MS.restore));
  console.log(row('diradm -L -n', list, BARS_MS.list));
}

await printRestore();
await printPcap();
