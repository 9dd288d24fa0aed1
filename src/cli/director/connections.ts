/** `director connections`: searched by who is at which end, listed or ended. */
import { type Command, InvalidArgumentError } from 'commander';
import { parseEndpoint, renderEndpoint } from '../../control/endpoint.ts';
import type { ConnectionFilter, ConnectionListing, EndpointFilter } from '../../control/protocol.ts';
import { DirectorError } from '../../errors.ts';
import { asking } from './asking.ts';

interface Options extends ConnectionFilter {
  readonly json?: boolean;
  readonly end?: boolean;
}

export function addConnectionsCommand(program: Command): void {
  program
    .command('connections')
    .description(
      'list connections, or those of one client, virtual address or real server; addresses as 10.0.0.1, 10.0.0.1:80, fd00::1 or [fd00::1]:80',
    )
    .option('--client <address>', 'of this client', endpoint)
    .option('--virtual <address>', 'to this virtual address', endpoint)
    .option('--server <address>', 'of this real server', endpoint)
    .option('--json', 'one JSON object a line')
    .option('--end', 'end them, and say how many; needs at least one of the filters')
    .action(({ json = false, end = false, ...filter }: Options, command: Command) =>
      asking(command, async (client) => {
        if (end) {
          requireFilter(filter);
          console.log(`${await client.endConnections(filter)} connections ended`);
          return;
        }
        if (!json) console.log(HEAD);
        for await (const page of client.listConnections(filter)) {
          if (page.length > 0) console.log(page.map(json ? (each) => JSON.stringify(each) : line).join('\n'));
        }
      }),
    );
}

/** Pages come one after the other, so columns have a width of their own. */
const line = ({ protocol, state, expiresSec, client, virtual, server }: ConnectionListing): string =>
  columns(
    protocol,
    state,
    `${expiresSec}`,
    renderEndpoint(client),
    renderEndpoint(virtual),
    renderEndpoint(server),
  );

const columns = (...[protocol, state, expires, client, virtual, server]: string[]): string =>
  `${protocol!.padEnd(8)}  ${state!.padEnd(11)}  ${expires!.padStart(7)}  ${client!.padEnd(21)}  ${virtual!.padEnd(21)}  ${server}`;

const HEAD = columns('PROTOCOL', 'STATE', 'SECONDS', 'CLIENT', 'VIRTUAL', 'SERVER');

function endpoint(text: string): EndpointFilter {
  const parsed = parseEndpoint(text);
  if (parsed !== undefined) return parsed;
  throw new InvalidArgumentError(
    'expected an address, or address and port such as 10.0.0.1:80 or [fd00::1]:80.',
  );
}

function requireFilter(filter: ConnectionFilter): void {
  if (Object.keys(filter).length > 0) return;
  throw new DirectorError('OUT_OF_RANGE', '--end needs --client, --virtual or --server: which connections?');
}
