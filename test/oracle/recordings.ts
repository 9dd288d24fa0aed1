/** The recordings of the project, and the cases in which a datapath of ours differs. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CliRecording } from './cli-runner.ts';
import type { TrafficRecording } from './recording.ts';

const FOLDERS = [
  join(import.meta.dirname, 'recordings'),
  join(import.meta.dirname, '../schedule/recordings'),
];

/** Cases in which we differ, and why. One that agrees again fails, so that it is taken out. */
export const EXPECTED_DIFFERENCES: Readonly<Record<string, string>> = {
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

/** Besides, those of an engine in user space, which sees only frames that concern its services. */
export const ENGINE_DIFFERENCES: Readonly<Record<string, string>> = {
  'icmp errors, more':
    'an ICMP error that is not addressed to the address that it is about is left to the host',
  'no services left':
    'packets of connections whose address has no service any more are left to the host, which resets them',
};

export const recordings = FOLDERS.filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder).map((name) => [name, join(folder, name)] as const))
  .filter(([name]) => name.endsWith('.json'))
  .map(
    ([name, path]) =>
      [name, JSON.parse(readFileSync(path, 'utf8')) as TrafficRecording | CliRecording, path] as const,
  );

export const isTraffic = (recording: TrafficRecording | CliRecording): recording is TrafficRecording =>
  !recording.cases.some((each) => 'steps' in each);
