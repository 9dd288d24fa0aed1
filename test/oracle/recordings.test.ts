/**
 * Recordings of kernel IPVS against the path, a test for each case. Those of ipvsadm's command lines have their own
 * test, test/cli/diradm/recordings.test.ts.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CliRecording } from './cli-runner.ts';
import type { TrafficRecording } from './recording.ts';
import { runTrafficCase } from './traffic-runner.ts';

const FOLDERS = [
  join(import.meta.dirname, 'recordings'),
  join(import.meta.dirname, '../schedule/recordings'),
];

/** Cases in which we differ, and why. One that agrees again fails, so that it is taken out. */
const EXPECTED_DIFFERENCES: Readonly<Record<string, string>> = {
  'exception: fragments alone':
    'fragments are passed on as they come, the first one too if the rest never does',
  'exception: ipv6 atomic fragments': 'the header of a fragment that is the whole datagram stays on',
  'exception: ip timestamps': 'the time of day is another one',
  'exception: forwarding methods mixed': 'neither tunnel nor masquerading',
  'exception: forwarding methods edited': 'a server that is edited to -i receives nothing from then on',
  'lblcr after its expiration': 'lblcr_expiration is no setting of ours',
  'lblc by firewall mark': 'which frames were marked is not recorded',
  'lblcr by firewall mark': 'which frames were marked is not recorded',
  'dh by firewall mark': 'which frames were marked is not recorded',
};

const recordings = FOLDERS.filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder).map((name) => [name, join(folder, name)] as const))
  .filter(([name]) => name.endsWith('.json'))
  .map(
    ([name, path]) =>
      [name, JSON.parse(readFileSync(path, 'utf8')) as TrafficRecording | CliRecording] as const,
  );

const isTraffic = (recording: TrafficRecording | CliRecording): recording is TrafficRecording =>
  !recording.cases.some((each) => 'steps' in each);

for (const [name, recording] of recordings) {
  if (!isTraffic(recording)) continue;
  describe(name, () => {
    test.each(recording.cases.map((each) => [each.name, each] as const))('%s', async (caseName, each) => {
      const { difference } = await runTrafficCase(recording, each);
      const reason = EXPECTED_DIFFERENCES[caseName];
      if (reason === undefined) expect(difference).toBeUndefined();
      else expect(difference, `agrees now, so that "${reason}" holds no more`).toBeDefined();
    });
  });
}

describe('recordings', () => {
  test('are all of a form that is run here or by diradm’s own test', () => {
    const others = recordings.filter(([, recording]) => !isTraffic(recording));
    for (const [name, { cases }] of others)
      for (const each of cases) expect('steps' in each, `${name}: ${each.name}`).toBe(true);
    expect(recordings.map(([name]) => name)).toContain('traffic.json');
  });

  test('have every case that is expected to differ', () => {
    const names = new Set(recordings.flatMap(([, { cases }]) => cases.map(({ name }) => name)));
    expect(Object.keys(EXPECTED_DIFFERENCES).filter((name) => !names.has(name))).toEqual([]);
  });
});
