/** A file of `ipvsadm -S` lines as edits, for the daemon, which takes it whole or not at all. */
import { DirectorError } from '../../errors.ts';
import type { Edit } from '../../service/model.ts';
import type { Command } from './command.ts';
import { UsageError } from './errors.ts';
import { parseCommand } from './parse.ts';
import { createSystemResolver, type Resolver } from './resolver.ts';
import { splitLine } from './restore.ts';

export interface Rule {
  /** From 1. */
  readonly line: number;
  readonly edit: Edit;
}

/** Empty lines and lines that begin with # are skipped. Throws RULES_FILE with file, line and what is wrong. */
export async function editsOfRules(
  text: string,
  path: string,
  resolver: Resolver = createSystemResolver(),
): Promise<Rule[]> {
  const rules: Rule[] = [];
  for (const [index, lineText] of text.split('\n').entries()) {
    const words = splitLine(lineText);
    if (words.length === 0 || words[0]!.startsWith('#')) continue;
    const line = index + 1;
    const command = await parseRule(words, `${path}:${line}`, resolver);
    if (command.kind !== 'edit') {
      throw new DirectorError('RULES_FILE', `${path}:${line}: ${words[0]} changes nothing`, { path, line });
    }
    rules.push({ line, edit: command.edit });
  }
  return rules;
}

async function parseRule(words: readonly string[], where: string, resolver: Resolver): Promise<Command> {
  try {
    return await parseCommand(words, 'diradm', resolver);
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause;
    throw new DirectorError('RULES_FILE', `${where}: ${cause.message.trim()}`, { where }, cause);
  }
}
