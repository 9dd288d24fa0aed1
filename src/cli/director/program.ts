/** The command line: a file for each subcommand, and each is loaded alone when it is the one that was typed. */
import { Command } from 'commander';
import { socketPathFrom } from '../../control/client.ts';
import { SOCKET_PATH_VARIABLE } from '../../control/protocol.ts';
import { version } from '../../version.ts';
import { asking } from './asking.ts';

interface Part {
  /** Of the subcommands that it adds. */
  readonly names: readonly string[];
  readonly add: (program: Command) => unknown;
}

/** In the order of the help. */
const PARTS: readonly Part[] = [
  { names: ['run'], add: async (to) => (await import('./run.ts')).addRunCommand(to) },
  { names: ['status'], add: async (to) => (await import('./status.ts')).addStatusCommand(to) },
  { names: ['top'], add: async (to) => (await import('./top.ts')).addTopCommand(to) },
  { names: ['doctor'], add: async (to) => (await import('./doctor.ts')).addDoctorCommand(to) },
  { names: ['health', 'check'], add: async (to) => (await import('./health.ts')).addHealthCommands(to) },
  { names: ['history'], add: async (to) => (await import('./history.ts')).addHistoryCommand(to) },
  { names: ['drain', 'undrain'], add: async (to) => (await import('./drain.ts')).addDrainCommands(to) },
  { names: ['connections'], add: async (to) => (await import('./connections.ts')).addConnectionsCommand(to) },
  { names: ['explain'], add: async (to) => (await import('./explain.ts')).addExplainCommand(to) },
  { names: ['capture'], add: async (to) => (await import('./capture.ts')).addCaptureCommand(to) },
  { names: ['set'], add: async (to) => (await import('./set.ts')).addSettingCommand(to) },
  { names: ['mark'], add: async (to) => (await import('./mark.ts')).addMarkCommands(to) },
  { names: ['apply'], add: async (to) => (await import('./apply.ts')).addApplyCommand(to) },
  { names: ['replay'], add: async (to) => (await import('./replay.ts')).addReplayCommand(to) },
  { names: ['reload'], add: addReloadCommand },
  { names: ['stop'], add: addStopCommand },
  { names: ['restart'], add: async (to) => (await import('./restart.ts')).addRestartCommand(to) },
  { names: ['version'], add: addVersionCommand },
];

/** The whole command line. The manual page and the completions are made from it, too: src/cli/reference. */
export function createProgram(env: NodeJS.ProcessEnv = process.env): Promise<Command> {
  return programOf(PARTS, env);
}

/** What these words need of it: the whole, for help and for a word that is no subcommand. */
export function programFor(words: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Command> {
  const name = subcommandOf(words);
  const parts = PARTS.filter(({ names }) => name !== undefined && names.includes(name));
  return programOf(parts.length === 0 ? PARTS : parts, env);
}

async function programOf(parts: readonly Part[], env: NodeJS.ProcessEnv): Promise<Command> {
  const program = new Command('director')
    .description('A direct-routing load balancer: what Linux Virtual Server does in -g mode, without IPVS.')
    .showHelpAfterError('(director --help shows every option)')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .option('--socket <file>', `control socket (or ${SOCKET_PATH_VARIABLE})`, socketPathFrom(env))
    .version(versionLine(), '--version');
  // Of director itself, not of its subcommands, whose help shows the options of all.
  program.options.at(-1)!.hideHelp();
  for (const { add } of parts) await add(program);
  return program;
}

/** Only the socket may stand before it. */
function subcommandOf([first, ...others]: readonly string[]): string | undefined {
  if (first === '--socket') return subcommandOf(others.slice(1));
  return first?.startsWith('--socket=') ? subcommandOf(others) : first;
}

function addReloadCommand(program: Command): void {
  program
    .command('reload')
    .description('read the rules or configuration file again; what stays the same keeps its connections')
    .action((_options: object, command: Command) => asking(command, (client) => client.reload()));
}

function addStopCommand(program: Command): void {
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
}

function addVersionCommand(program: Command): void {
  program
    .command('version')
    .description('print the version')
    .action(() => console.log(versionLine()));
}

const versionLine = (): string => `director ${version()}`;
