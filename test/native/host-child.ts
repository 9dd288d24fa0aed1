/**
 * Runs inside the director's namespace of netlink.test.ts: follows d0 and a neighbour table, prints what they say
 * as JSON lines, and takes commands as JSON lines until its input ends.
 */
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { InterfaceWatch } from '../../src/host/interface.ts';
import { NeighborTable } from '../../src/host/neighbors.ts';
import { RouteSocket } from '../../src/host/netlink.ts';
import { RECEIVE_MERGING, readOffloads, SEGMENTATION, turnOffOffloads } from '../../src/host/offloads.ts';

interface Command {
  readonly watch?: string;
  readonly unwatch?: string;
  readonly get?: string;
  /** Does nothing, and reads nothing, until there is such a file. */
  readonly blockUntil?: string;
  readonly asked?: true;
  /** Turned off and restored. */
  readonly offloads?: true;
}

const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

const socket = new RouteSocket();
await socket.follow();
const watch = new InterfaceWatch(socket, 'd0');
watch.onChange((change) => say({ interface: change.what, state: change.state ?? null }));
const table = new NeighborTable(socket, 'd0');
table.onChange((neighbor) => say({ neighbor: neighbor.server, ...neighbor }));
say({ ready: true, state: watch.current });

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  if (command.watch !== undefined) table.watch(command.watch);
  if (command.unwatch !== undefined) table.unwatch(command.unwatch);
  if (command.get !== undefined) say({ got: command.get, neighbor: table.get(command.get) ?? null });
  if (command.blockUntil !== undefined) {
    say({ blocked: true });
    const clock = new Int32Array(new SharedArrayBuffer(4));
    while (!existsSync(command.blockUntil)) Atomics.wait(clock, 0, 0, 20);
  }
  if (command.asked) say({ overruns: socket.overrunCount, links: socket.links().map(({ name }) => name) });
  if (command.offloads) {
    const isOn = async () =>
      [...(await readOffloads('d0')).values()].filter(({ on }) => on).map(({ name }) => name);
    const before = await isOn();
    const { switchedOff, restore } = await turnOffOffloads('d0', [...RECEIVE_MERGING, ...SEGMENTATION]);
    const meanwhile = await isOn();
    await restore();
    say({ switchedOff, before, meanwhile, restored: await isOn() });
  }
}
table.close();
watch.close();
socket.close();
