#!/usr/bin/env node
/** `director`: the daemon and what looks after it. A file for each subcommand; each loads what it needs when called. */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { socketPathFrom } from '../../control/client.ts';
import { SOCKET_PATH_VARIABLE } from '../../control/protocol.ts';
import { DirectorError } from '../../errors.ts';
import { addApplyCommand } from './apply.ts';
import { asking } from './asking.ts';
import { addCaptureCommand } from './capture.ts';
import { addConnectionsCommand } from './connections.ts';
import { addDoctorCommand } from './doctor.ts';
import { addDrainCommands } from './drain.ts';
import { addExplainCommand } from './explain.ts';
import { addHealthCommands } from './health.ts';
import { addHistoryCommand } from './history.ts';
import { addMarkCommands } from './mark.ts';
import { addReplayCommand } from './replay.ts';
import { addRestartCommand } from './restart.ts';
import { addRunCommand } from './run.ts';
import { addSettingCommand } from './set.ts';
import { addStatusCommand } from './status.ts';
import { addTopCommand } from './top.ts';

const EXIT_USAGE = 2;
const EXIT_FAILED = 1;
/** Errors that the person who typed the command can mend. */
const USAGE_CODES = new Set([
  'NEED_ROOT',
  'NO_SUCH_DEVICE',
  'RULES_FILE',
  'CONFIG_FILE',
  'CAPTURE_FILE',
  'CAPTURE_UNAVAILABLE',
  'OUT_OF_RANGE',
  'BAD_REQUEST',
  'PLAN_OUTDATED',
  'SERVICE_NOT_FOUND',
  'SERVER_NOT_FOUND',
  'WEB_ADDRESS',
  'TOKEN_FILE',
  'SCHEDULER_NOT_FOUND',
  'INTERFACE_IN_USE',
  'SOCKET_IN_USE',
  'XDP_UNAVAILABLE',
  'XDP_OCCUPIED',
  'XDP_LAYOUT',
]);

/** The whole command line. The manual page and the completions are made from it, too: src/cli/reference. */
export function createProgram(env: NodeJS.ProcessEnv = process.env): Command {
  const program = new Command('director')
    .description('A direct-routing load balancer: what Linux Virtual Server does in -g mode, without IPVS.')
    .showHelpAfterError('(director --help shows every option)')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .option('--socket <file>', `control socket (or ${SOCKET_PATH_VARIABLE})`, socketPathFrom(env));
  addRunCommand(program);
  addStatusCommand(program);
  addTopCommand(program);
  addDoctorCommand(program);
  addHealthCommands(program);
  addHistoryCommand(program);
  addDrainCommands(program);
  addConnectionsCommand(program);
  addExplainCommand(program);
  addCaptureCommand(program);
  addSettingCommand(program);
  addMarkCommands(program);
  addApplyCommand(program);
  addReplayCommand(program);
  program
    .command('reload')
    .description('read the rules or configuration file again; what stays the same keeps its connections')
    .action((_options: object, command: Command) => asking(command, (client) => client.reload()));
  program
    .command('stop')
    .description('end the daemon and take away everything that it put on this host')
    .option(
      '--keep-forwarding',
      'leave the datapath at work, with its connections, for the next director run',
    )
    .action(({ keepForwarding = false }: { keepForwarding?: boolean }, command: Command) =>
      asking(command, (client) => client.stop(keepForwarding)),
    );
  addRestartCommand(program);
  program.command('version').description('print the version').action(printVersion);
  return program;
}

async function printVersion(): Promise<void> {
  const { version } = await import('../../version.ts');
  console.log(`director ${version()}`);
}

async function main(): Promise<number> {
  try {
    await createProgram().parseAsync();
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    if (!(error instanceof DirectorError)) throw error;
    console.error(`director: ${error.message}`);
    return USAGE_CODES.has(error.code) ? EXIT_USAGE : EXIT_FAILED;
  }
}

const script = process.argv[1];
if (script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url)) {
  process.exitCode = await main();
}
