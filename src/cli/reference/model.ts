/** A command line as its manual page and its completions need it, whoever parses it. */

export interface CommandModel {
  /** `director`; of a subcommand every way to write it, `--add-service` and `-A`. */
  readonly names: readonly string[];
  readonly description: string;
  /** What follows the name in a synopsis. */
  readonly usage: string;
  readonly arguments: readonly ArgumentModel[];
  readonly options: readonly OptionModel[];
  /** Of the commands above it; they may stand here, too. */
  readonly inherited: readonly OptionModel[];
  readonly commands: readonly CommandModel[];
  /** As ipvsadm has them: commands begin with a dash, and short names may stand in one word, `-Ln` for `-L -n`. */
  readonly isDashed: boolean;
}

export interface ArgumentModel {
  readonly name: string;
  readonly description: string;
  readonly isMany: boolean;
  readonly value: ValueKind;
}

export interface OptionModel {
  /** `-t`, `--tcp-service`. */
  readonly names: readonly string[];
  readonly description: string;
  /** Null: it takes none. */
  readonly value: { readonly name: string; readonly isOptional: boolean; readonly kind: ValueKind } | null;
}

/** What a value may be, as far as a shell can know. */
export type ValueKind =
  | { readonly of: 'words'; readonly words: readonly string[] }
  | { readonly of: 'file' | 'folder' | 'interface' | 'server' | 'anything' }
  | { readonly of: 'service'; readonly protocol: 'tcp' | 'udp' | 'sctp' };

export const ANYTHING: ValueKind = { of: 'anything' };

/** Without a value of its own what is needed comes from the words `a|b|c` with which a description begins. */
export function wordsIn(description: string): readonly string[] {
  return /^[\w-]+(\|[\w-]+)+/.exec(description)?.[0].split('|') ?? [];
}

export interface Placed {
  /** `director mark add`. */
  readonly path: string;
  readonly command: CommandModel;
}

/** The command, and all below it, the way a reader meets them. */
export function allCommands(command: CommandModel, above = ''): readonly Placed[] {
  const path = `${above} ${command.names[0]}`.trim();
  return [{ path, command }, ...command.commands.flatMap((each) => allCommands(each, path))];
}
