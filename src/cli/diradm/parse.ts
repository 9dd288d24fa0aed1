/**
 * A command line becomes a Command, or a UsageError with ipvsadm's words and exit code. In ipvsadm's order: options
 * from left to right, each value at once, so that the first bad thing is the one reported (take-option.ts); then words
 * that belong to no option; scheduler flags; the legality table; last, what depends on several options (to-command.ts).
 */
import type { Command } from './command.ts';
import { DEFAULT_SCHEDULER, emptyDraft } from './draft.ts';
import { EXIT_FAILED, UsageError } from './errors.ts';
import { checkLegality } from './legality.ts';
import { type CommandName, OPTIONS, REAL_SERVER_OPTION } from './option-table.ts';
import { indexOptions, OptionReader, type ReadOption } from './popt.ts';
import type { Resolver } from './resolver.ts';
import { parseSchedulerFlags } from './scheduler-flags.ts';
import { parseRole, takeLeftovers, takeOption } from './take-option.ts';
import { toCommand } from './to-command.ts';

const OPTION_INDEX = indexOptions(OPTIONS);

/** `words`: the command line without the program's name, which is for the message that points to --help. */
export async function parseCommand(
  words: readonly string[],
  program: string,
  resolver: Resolver,
): Promise<Command> {
  if (words.length === 0) return listAll();
  const reader = new OptionReader(words, OPTION_INDEX);
  const first = readFirst(reader, program);
  const command = first.spec.command!;
  if (command === 'help' || command === 'version') return { kind: command };
  if (takesOldRealServerOption(command)) reader.redefineShort('R', REAL_SERVER_OPTION);
  const draft = emptyDraft();
  if (first.value !== undefined) draft.role = parseRole(command, first.value);
  for (let read = reader.read(); read !== undefined; read = reader.read()) {
    if (read.spec.command !== undefined) throw new UsageError(`invalid option \`${reader.currentWord}'`);
    await takeOption(draft, read, resolver);
  }
  takeLeftovers(draft, command, reader.leftovers);
  const schedulerFlags = parseSchedulerFlags(draft.schedulerFlags, draft.scheduler || DEFAULT_SCHEDULER);
  checkLegality(command, draft.given);
  return toCommand(command, draft, schedulerFlags);
}

function listAll(): Command {
  return { kind: 'list-services', view: 'plain', numeric: false, exact: false, sorted: true };
}

/** The first option must be a command; whatever else it is, popt's own errors included, gets the same answer. */
function readFirst(reader: OptionReader, program: string): ReadOption {
  let first: ReadOption | undefined;
  try {
    first = reader.read();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
  }
  if (first?.spec.command !== undefined) return first;
  throw new TryHelpError(program);
}

export class TryHelpError extends UsageError {
  constructor(program: string) {
    super(`Try \`${program} -h' or '${program} --help' for more information.`, EXIT_FAILED);
  }
}

/** popt's own errors: a run of -R goes on after them, as it does not after any other. */
export function isParserError(error: UsageError): boolean {
  return error.exitCode === EXIT_FAILED && !(error instanceof TryHelpError);
}

/** ipvsadm 1.2 of 1999 had -R where today's has -r; today's refuses it here, so it is free to mean that again. */
function takesOldRealServerOption(command: CommandName): boolean {
  return command === 'add-server' || command === 'edit-server' || command === 'delete-server';
}
