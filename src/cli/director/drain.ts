/** `director drain` and `undrain`: a server takes no new connections, and one sees those that are left end. */
import { type Command, InvalidArgumentError } from 'commander';
import type { DirectorClient } from '../../control/client.ts';
import { parseEndpoint, renderEndpoint } from '../../control/endpoint.ts';
import type { DrainReply, EndpointFilter, ServicesReply } from '../../control/protocol.ts';
import { DirectorError } from '../../errors.ts';
import { asking } from './asking.ts';
import { addServiceOptions, type ServiceOption, serviceOf } from './service-option.ts';

const POLL_MS = 500;
const BAR_WIDTH = 30;
const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

interface DrainOptions extends ServiceOption {
  readonly timeout?: number;
  readonly wait: boolean;
}

export function addDrainCommands(program: Command): void {
  const drain = program
    .command('drain')
    .description(
      'let a real server take no new connections, and wait until it has none; its weight stays for undrain. ' +
        'Clients of a persistent service go on to it until their template ends, unless expire_quiescent_template is 1',
    )
    .argument('<server>', 'ADDRESS or ADDRESS:PORT', server);
  addServiceOptions(drain)
    .option('--timeout <time>', 'end the wait after this time, such as 90s, 10m or 2h', time)
    .option('--no-wait', 'do not wait')
    .action((wanted: EndpointFilter, options: DrainOptions, command: Command) =>
      asking(command, (client) => drainServer(client, wanted, options)),
    );
  const undrain = program
    .command('undrain')
    .description('let a real server take connections again')
    .argument('<server>', 'ADDRESS or ADDRESS:PORT', server);
  addServiceOptions(undrain).action((wanted: EndpointFilter, options: ServiceOption, command: Command) =>
    asking(command, async (client) => {
      await setDrained(client, wanted, options, false);
    }),
  );
}

const setDrained = (
  client: DirectorClient,
  wanted: EndpointFilter,
  options: ServiceOption,
  drained: boolean,
): Promise<DrainReply['servers']> => {
  const service = serviceOf(options);
  return client.drain({ server: wanted, ...(service === undefined ? {} : { service }), drained });
};

async function drainServer(
  client: DirectorClient,
  wanted: EndpointFilter,
  options: DrainOptions,
): Promise<void> {
  const servers = await setDrained(client, wanted, options, true);
  if (!options.wait) return;
  const deadlineMs = performance.now() + (options.timeout ?? Number.POSITIVE_INFINITY);
  const atFirst = connectionsOf(await client.listServices(), servers);
  const progress = progressBar(renderEndpoint(wanted), atFirst);
  for (let left = atFirst; ; left = connectionsOf(await client.listServices(), servers)) {
    progress.show(left);
    if (left === 0) {
      progress.end(
        `${renderEndpoint(wanted)} has no connections; director undrain ${renderEndpoint(wanted)} takes it back`,
      );
      return;
    }
    if (performance.now() >= deadlineMs) {
      progress.end('');
      throw new DirectorError(
        'OUT_OF_RANGE',
        `${renderEndpoint(wanted)} still has ${left} connections when the time is up; it stays drained. End them with: director connections --server ${renderEndpoint(wanted)} --end`,
      );
    }
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

function connectionsOf({ services }: ServicesReply, drained: DrainReply['servers']): number {
  const names = new Set(drained.map(({ service, server }) => JSON.stringify([service, server])));
  return services
    .flatMap(({ service, servers }) => servers.map((listing) => ({ service, ...listing })))
    .filter(({ service, server }) => names.has(JSON.stringify([service, server])))
    .reduce((sum, each) => sum + each.activeConnections + each.inactiveConnections, 0);
}

/** On a terminal one line that is drawn anew; else a line for each change. */
function progressBar(name: string, atFirst: number) {
  const isTerminal = process.stdout.isTTY === true;
  let shown = -1;
  return {
    show(left: number): void {
      if (left === shown) return;
      shown = left;
      if (isTerminal) process.stdout.write(`\r\x1b[K${drainLine(name, left, Math.max(atFirst, left))}`);
      else console.log(drainLine(name, left, Math.max(atFirst, left)));
    },
    end(text: string): void {
      if (isTerminal) process.stdout.write('\n');
      if (text !== '') console.log(text);
    },
  };
}

/** `10.0.0.11 [##########----------] 12 of 24 connections left` */
export function drainLine(name: string, left: number, atFirst: number): string {
  const done = atFirst === 0 ? BAR_WIDTH : Math.floor(((atFirst - left) / atFirst) * BAR_WIDTH);
  return `${name} [${'#'.repeat(done)}${'-'.repeat(BAR_WIDTH - done)}] ${left} of ${atFirst} connections left`;
}

function server(text: string): EndpointFilter {
  const parsed = parseEndpoint(text);
  if (parsed !== undefined) return parsed;
  throw new InvalidArgumentError('expected ADDRESS or ADDRESS:PORT, such as 10.0.0.11 or [fd00::11]:80.');
}

/** Milliseconds. */
function time(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(s|m|h)?$/.exec(text);
  if (match === null) throw new InvalidArgumentError('expected a time such as 90s, 10m or 2h.');
  return Number(match[1]) * UNITS[match[2] ?? 's']!;
}
