#!/usr/bin/env node
/** `director`: the daemon and what looks after it. A file for each subcommand; each loads what it needs when called. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_CONNECTION_TABLE_SIZE, MAX_CONNECTIONS } from '../../connection/connection-table.ts';
import { socketPathFrom } from '../../control/client.ts';
import { SOCKET_PATH_VARIABLE } from '../../control/protocol.ts';
import { DirectorError } from '../../errors.ts';
import { asking } from './asking.ts';
import { addMarkCommands } from './mark.ts';
import { addSettingCommand } from './set.ts';

const EXIT_USAGE = 2;
const EXIT_FAILED = 1;
/** Errors that the person who typed the command can mend. */
const USAGE_CODES = new Set([
  'NEED_ROOT',
  'NO_SUCH_DEVICE',
  'RULES_FILE',
  'CONFIG_FILE',
  'OUT_OF_RANGE',
  'INTERFACE_IN_USE',
  'SOCKET_IN_USE',
]);

function createProgram(): Command {
  const program = new Command('director')
    .description('A direct-routing load balancer: what Linux Virtual Server does in -g mode, without IPVS.')
    .showHelpAfterError('(director --help shows every option)')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .option('--socket <path>', `control socket (or ${SOCKET_PATH_VARIABLE})`, socketPathFrom(process.env));
  program
    .command('run')
    .description('run the daemon in the foreground; SIGTERM or SIGINT end it and leave nothing behind')
    .requiredOption(
      '--interface <name>',
      'interface that has the virtual addresses and the real servers on its segment',
    )
    .option('--rules <file>', 'load a file as ipvsadm-save writes it; SIGHUP reads it again')
    .addOption(
      new Option(
        '--config <file>',
        'load a YAML file of services, servers, settings and marks; SIGHUP reads it again',
      ).conflicts('rules'),
    )
    .option(
      '--conn-table-size <n>',
      'connections remembered at most',
      tableSize,
      DEFAULT_CONNECTION_TABLE_SIZE,
    )
    .action(
      async (
        options: { interface: string; rules?: string; config?: string; connTableSize: number },
        command: Command,
      ) => {
        const { run } = await import('../../daemon/run.ts');
        await run({
          interface: options.interface,
          rulesPath: options.rules,
          configPath: options.config,
          connectionTableSize: options.connTableSize,
          socketPath: command.optsWithGlobals().socket,
        });
      },
    );
  program
    .command('status')
    .description('show datapath, interface, neighbours, frames by verdict, warnings')
    .option('--json', 'as the control socket tells it')
    .action(async (options: { json?: boolean }, command: Command) => {
      const { renderStatus } = await import('./status.ts');
      await asking(command, async (client) => {
        const reply = await client.readStatus();
        console.log(options.json === true ? JSON.stringify(reply, null, 2) : renderStatus(reply));
      });
    });
  addSettingCommand(program);
  addMarkCommands(program);
  program
    .command('reload')
    .description('read the rules or configuration file again; what stays the same keeps its connections')
    .action((_options: object, command: Command) => asking(command, (client) => client.reload()));
  program
    .command('stop')
    .description('end the daemon')
    .action((_options: object, command: Command) => asking(command, (client) => client.stop()));
  program.command('version').description('print the version').action(printVersion);
  return program;
}

async function printVersion(): Promise<void> {
  const { version } = await import('../../version.ts');
  console.log(`director ${version()}`);
}

function tableSize(text: string): number {
  const size = Number(text);
  if (Number.isInteger(size) && size >= 1 && size <= MAX_CONNECTIONS) return size;
  throw new InvalidArgumentError(`expected a whole number from 1 to ${MAX_CONNECTIONS}.`);
}

async function main(): Promise<number> {
  try {
    await createProgram().parseAsync();
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    if (!(error instanceof DirectorError)) throw error;
    console.error(`director: ${error.message}`);
    return USAGE_CODES.has(error.code) ? EXIT_USAGE : EXIT_FAILED;
  }
}

process.exitCode = await main();
