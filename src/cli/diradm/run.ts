/** Carries out one command line: parse, ask the daemon, print. Resolves to the exit code. */
import { DirectorError } from '../../errors.ts';
import type { Edit } from '../../service/model.ts';
import type { Command, ListServices } from './command.ts';
import { renderConnection, renderConnectionsTitle } from './connections.ts';
import { createNameRenderer, type RenderEndpoint, renderNumeric } from './endpoint-names.ts';
import {
  EXIT_FAILED,
  EXIT_NOT_LISTED,
  EXIT_REFUSED,
  NO_SUCH_SERVICE,
  refusalText,
  UsageError,
  unreachableText,
} from './errors.ts';
import { helpText, versionText } from './help.ts';
import type { Io } from './io.ts';
import { parseCommand } from './parse.ts';
import { renderSaved, renderServices, renderSyncDaemons, renderTimeouts } from './render.ts';
import { restore } from './restore.ts';

/** `words`: the command line without the program's name. */
export async function runCommandLine(words: readonly string[], io: Io): Promise<number> {
  try {
    return await runCommand(await parseCommand(words, io.program, io.resolver), io);
  } catch (error) {
    if (error instanceof UsageError) {
      io.writeError(`${error.message}\n`);
      return error.exitCode;
    }
    if (!(error instanceof DirectorError)) throw error;
    const isOutOfReach = error.code === 'DAEMON_UNREACHABLE' || error.code === 'NEED_ROOT';
    io.writeError(`${isOutOfReach ? unreachableText(error) : error.message}\n`);
    return isOutOfReach ? EXIT_REFUSED : EXIT_FAILED;
  }
}

async function runCommand(command: Command, io: Io): Promise<number> {
  switch (command.kind) {
    case 'edit':
      return applyEdits([command.edit], io);
    case 'list-services':
      return listServices(command, io);
    case 'list-connections':
      return listConnections(command.numeric, command.engineColumns, io);
    case 'list-timeouts':
      return print(renderTimeouts(await io.client.listServices()), io);
    case 'list-sync-daemons':
      return print(renderSyncDaemons(await io.client.listServices()), io);
    case 'save':
      return save(command.numeric, io);
    case 'restore':
      return restore(io, {
        applyEdits: (edits) => applyEdits(edits, io),
        run: (inner) => runCommand(inner, io),
      });
    case 'help':
      return print(helpText(io.program), io);
    case 'version':
      return print(versionText(io.program), io);
  }
}

function print(text: string, io: Io): number {
  io.writeOut(text);
  return 0;
}

/** One line for each edit that is refused; the exit code is that of the last edit. */
async function applyEdits(edits: readonly Edit[], io: Io): Promise<number> {
  const results = await io.client.applyEdits(edits);
  results.forEach((error, index) => {
    if (error !== null) io.writeError(`${refusalText(edits[index]!.op, error)}\n`);
  });
  return results.at(-1) == null ? 0 : EXIT_FAILED;
}

async function listServices(command: ListServices, io: Io): Promise<number> {
  const reply = await io.client.listServices();
  const renderEndpoint = await endpointRenderer(command.numeric, serviceAddresses(reply.services), io);
  const text = renderServices(command, reply, renderEndpoint);
  if (text !== undefined) return print(text, io);
  io.writeError(`${NO_SUCH_SERVICE}\n`);
  return EXIT_NOT_LISTED;
}

async function save(numeric: boolean, io: Io): Promise<number> {
  const reply = await io.client.listServices();
  const renderEndpoint = await endpointRenderer(numeric, serviceAddresses(reply.services), io);
  return print(renderSaved(reply, renderEndpoint), io);
}

async function listConnections(numeric: boolean, engineColumns: boolean, io: Io): Promise<number> {
  let title = renderConnectionsTitle(engineColumns);
  for await (const page of io.client.listConnections()) {
    const addresses = page.flatMap(({ client, virtual, server }) =>
      [client, virtual, server].map(({ address }) => address),
    );
    const renderEndpoint = await endpointRenderer(numeric, addresses, io);
    io.writeOut(title + page.map((connection) => renderConnection(connection, renderEndpoint)).join(''));
    title = '';
  }
  return 0;
}

async function endpointRenderer(
  numeric: boolean,
  addresses: Iterable<string>,
  io: Io,
): Promise<RenderEndpoint> {
  return numeric ? renderNumeric : createNameRenderer(addresses, io.resolver);
}

function* serviceAddresses(services: Awaited<ReturnType<Io['client']['listServices']>>['services']) {
  for (const { service, servers } of services) {
    if ('address' in service) yield service.address;
    for (const { server } of servers) yield server.address;
  }
}
