/** `director apply`: makes the configuration what a file says, after it has shown what that changes. */
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { type Command, Option } from 'commander';
import pc from 'picocolors';
import type { DirectorClient } from '../../control/client.ts';
import type { FileFormat, PlanRequest } from '../../control/protocol.ts';
import { DirectorError } from '../../errors.ts';
import { readTextFile } from '../../text-file.ts';
import { asking } from './asking.ts';
import { renderPlan } from './plan.ts';

const STANDARD_INPUT = '-';
/** Ctrl-C or Ctrl-D: the cursor still stands behind the question. */
const NO_ANSWER = '\n';
/** Something is to be changed, and was not. */
const EXIT_NOT_APPLIED = 3;
/** A file of 100,000 lines takes the daemon seconds to read. */
const TIMEOUT_MS = 120_000;

interface Options {
  readonly format?: FileFormat;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function addApplyCommand(program: Command): void {
  program
    .command('apply')
    .description(
      'make the configuration what a file says: show what that changes, ask, and carry it out whole or not at all. ' +
        'What stays the same keeps its connections. Ends with 3 if there is something to change and it was not changed',
    )
    .argument('<file>', 'as director run takes it with --config; - for standard input')
    .addOption(
      new Option(
        '--format <format>',
        'yaml, or rules: as ipvsadm-save writes it; by default rules if the name ends in .rules',
      ).choices(['yaml', 'rules']),
    )
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'show what would change, and end')
    .option('--json', 'what changes, as the control socket tells it')
    .action(async (path: string, options: Options, command: Command) => {
      const file = await readFile(path, options.format);
      await asking(command, (client) => apply(client, file, options), TIMEOUT_MS);
    });
}

async function apply(client: DirectorClient, file: PlanRequest, options: Options): Promise<void> {
  const plan = await client.plan(file);
  const changes = renderPlan(plan, pc.createColors(process.stdout.isTTY === true && pc.isColorSupported));
  if (options.json === true) console.log(JSON.stringify(plan, null, 2));
  else console.log(changes === '' ? 'nothing to change' : changes);
  if (changes === '') return;
  if (options.dryRun === true || !(options.yes === true || (await isWanted()))) {
    process.exitCode = EXIT_NOT_APPLIED;
    return;
  }
  await client.apply(plan.token);
  if (options.json !== true) console.log('applied');
}

async function readFile(path: string, given: FileFormat | undefined): Promise<PlanRequest> {
  const format = given ?? (path.endsWith('.rules') ? 'rules' : 'yaml');
  if (path === STANDARD_INPUT) return { name: 'standard input', format, text: await text(process.stdin) };
  return { name: path, format, text: readTextFile(path, format === 'rules' ? 'RULES_FILE' : 'CONFIG_FILE') };
}

/** The question goes to standard error, which is not what is read by programs. */
async function isWanted(): Promise<boolean> {
  if (process.stdin.isTTY !== true || process.stdout.isTTY !== true) {
    throw new DirectorError(
      'OUT_OF_RANGE',
      'nothing was changed: there is no terminal to ask on; --yes does not ask, --dry-run only shows',
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  terminal.on('SIGINT', () => terminal.close());
  const ended = new Promise<string>((resolve) => terminal.once('close', () => resolve(NO_ANSWER)));
  const answer = await Promise.race([terminal.question('Apply? [y/N] '), ended]);
  terminal.close();
  if (/^y(es)?$/i.test(answer.trim())) return true;
  console.error(`${answer === NO_ANSWER ? '\n' : ''}nothing was changed`);
  return false;
}
