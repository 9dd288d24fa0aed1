/** How long after its start a daemon tends what a killed one left, with a million live connections: perf/one.sh takeover. */
import { summarize } from '../statistics.ts';
import { measuredTable } from '../table.ts';
import { one, withTestbed } from './rig.ts';

const CONNECTIONS = 1_000_000;
const TIMES = 7;

export function takeover(): string {
  const environment = {
    DIRECTOR_FILL: String(CONNECTIONS),
    DIRECTOR_TABLE: String(2 * CONNECTIONS),
    // Nothing else is measured meanwhile.
    DIRECTOR_CORES: '0-1',
  };
  const lines = withTestbed(() => one(['takeover', 'director', String(TIMES)], environment));
  for (const [, connections] of lines)
    if (Number(connections) < 0.99 * CONNECTIONS)
      throw new Error(`only ${connections} connections were taken over`);
  return measuredTable('milliseconds', [
    {
      what: 'from the start of the new daemon until it has taken over 1,000,000 connections',
      summary: summarize(lines.map(([milliseconds]) => Number(milliseconds))),
      digits: 0,
      bar: { atMost: 1000 },
    },
  ]);
}
