/**
 * `-R`: command lines from stdin, each as if typed alone. Edits that follow each other go to the daemon in one
 * request, yet before anything that comes after them is printed, so that who reads along sees ipvsadm's order.
 */
import type { Edit } from '../../service/model.ts';
import type { Command } from './command.ts';
import { UsageError } from './errors.ts';
import type { Io } from './io.ts';
import { isParserError, parseCommand, TryHelpError } from './parse.ts';

/** Keeps a request under a megabyte, and the daemon answering others in between. */
const MAX_EDITS_PER_REQUEST = 2000;

export interface RestoreActions {
  /** Prints what is refused; the exit code is that of the last edit. */
  applyEdits(edits: readonly Edit[]): Promise<number>;
  run(command: Command): Promise<number>;
}

/** The exit code is that of the last line, or of the one that ended the run. */
export async function restore(io: Io, actions: RestoreActions): Promise<number> {
  let exitCode = 0;
  let edits: Edit[] = [];
  const flush = async () => {
    if (edits.length === 0) return;
    const batch = edits;
    edits = [];
    exitCode = await actions.applyEdits(batch);
  };
  for await (const lines of readLines(io.stdin)) {
    for (const words of lines.map(splitLine)) {
      if (words.length === 0) continue;
      const command = await parseLine(words, io);
      if (!(command instanceof UsageError) && command.kind === 'edit') {
        edits.push(command.edit);
        if (edits.length >= MAX_EDITS_PER_REQUEST) await flush();
        continue;
      }
      await flush();
      if (command instanceof UsageError) {
        if (!isParserError(command)) throw command;
        io.writeError(`${command.message}\n`);
        exitCode = command.exitCode;
        continue;
      }
      exitCode = await actions.run(command);
      if (exitCode !== 0 || command.kind === 'help' || command.kind === 'version') return exitCode;
    }
    await flush(); // whoever types the lines sees each one's effect
  }
  return exitCode;
}

async function parseLine(words: readonly string[], io: Io): Promise<Command | UsageError> {
  try {
    const command = await parseCommand(words, io.program, io.resolver);
    return command.kind === 'restore' ? new TryHelpError(io.program) : command;
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
}

/** No quotes, no comments. `ipvsadm` is dropped wherever it stands, as ipvsadm does; our own name where it begins. */
export function splitLine(line: string): string[] {
  const words = line.split(/[ \t\r]+/).filter((word) => word !== '' && word !== 'ipvsadm');
  return words[0] === 'diradm' ? words.slice(1) : words;
}

/** The lines that came together; the last one may lack its newline. */
async function* readLines(stdin: Io['stdin']): AsyncGenerator<string[]> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stdin) {
    const text = typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (lines.length > 0) yield lines;
  }
  if (rest !== '') yield [rest];
}
