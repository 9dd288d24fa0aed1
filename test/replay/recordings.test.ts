/** Recordings of kernel IPVS made captures: what a replay sends to which server is what the kernel sent. */
import { describe, expect, test } from 'vitest';
import { editsOfRules } from '../../src/cli/diradm/rules.ts';
import { offlineServers } from '../../src/replay/next-hops.ts';
import { applyEdit, type Configuration, EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';
import type { TrafficCase, TrafficRecording } from '../oracle/recording.ts';
import { EXPECTED_DIFFERENCES, isTraffic, recordings } from '../oracle/recordings.ts';
import { frameAt, replayed } from './in-memory.ts';

interface Recorded {
  readonly configuration: Configuration;
  readonly frames: readonly { readonly ms: number; readonly bytes: Uint8Array }[];
  /** To servers, in order. */
  readonly sent: readonly string[];
}

/** Undefined: something is configured between frames, which no capture has, or the director answers as a server. */
async function recordedOf(recorded: TrafficCase): Promise<Recorded | undefined> {
  let configuration = applyEdit(EMPTY_CONFIGURATION, { op: 'set', name: 'second_chance', value: 0 });
  const frames: { ms: number; bytes: Uint8Array }[] = [];
  const sent: string[] = [];
  let ms = 0;
  for (const event of recorded.events) {
    if ('waitSec' in event) ms += event.waitSec * 1000;
    else if ('frame' in event) {
      frames.push({ ms, bytes: Uint8Array.from(Buffer.from(event.frame, 'hex')) });
      for (const output of event.out) if ('to' in output) sent.push(output.frame);
    } else if ('command' in event && event.exit === 0 && !event.command.startsWith('-L')) {
      if (frames.length > 0) return undefined;
      for (const { edit } of await editsOfRules(event.command, recorded.name).catch(() => []))
        configuration = applyEdit(configuration, edit);
    } else if ('sysctl' in event || 'mark' in event) return undefined;
  }
  const local = [...configuration.services.values()].some(({ servers }) =>
    servers.some(({ server }) => server.address.startsWith('127.')),
  );
  return frames.length === 0 || local ? undefined : { configuration, frames, sent };
}

const isFragmented = ({ bytes }: { bytes: Uint8Array }): boolean =>
  (bytes[12] === 0x08 && (((bytes[20]! & 0x3f) << 8) | bytes[21]!) !== 0) ||
  (bytes[12] === 0x86 && bytes[20] === 44);

/** A capture does not have the director's own address, from which one of its clients comes. */
const OWN_ADDRESS_AS_CLIENT = 'mh spread';

let replays = 0;

const traffic = recordings.flatMap(([name, recording]) =>
  isTraffic(recording) ? [[name, recording] as const] : [],
);

describe.each(traffic)('%s', (_name, recording) => {
  test.each(recording.cases.map((each) => [each.name, each] as const))('%s', async (name, each) => {
    if (name in EXPECTED_DIFFERENCES || name === OWN_ADDRESS_AS_CLIENT) return;
    const recorded = await recordedOf(each);
    if (recorded === undefined || recorded.frames.some(isFragmented)) return;
    replays++;
    expect(await sentIn(recording, recorded)).toEqual(recorded.sent);
  });
});

test('most recordings are replayed', () => expect(replays).toBeGreaterThan(50));

async function sentIn(recording: TrafficRecording, { configuration, frames }: Recorded): Promise<string[]> {
  const macs = new Map(Object.entries({ ...recording.realServers, ...recording.realServers6 }));
  const known = new Set(offlineServers(configuration, new Map()).map(({ address }) => address));
  const given = new Map([...macs].filter(([address]) => known.has(address)));
  const servers = new Set([...macs.values()].map((mac) => mac.replaceAll(':', '')));
  const { sent } = await replayed(
    frames.map(({ ms, bytes }) => frameAt(ms, bytes)),
    configuration,
    { as: recording.directorMac, servers: offlineServers(configuration, given) },
  );
  return sent
    .map(({ frame }) => Buffer.from(frame).toString('hex'))
    .filter((hex) => servers.has(hex.slice(0, 12)));
}
