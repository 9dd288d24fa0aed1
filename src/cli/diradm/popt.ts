/**
 * Splits a command line into options as popt(3) does for ipvsadm. The other commands of this project use
 * commander; here a tokenizer of our own is right, because scripts depend on what popt takes and commander does
 * not: `-s=rr`, a value that is optional unless the next word begins with `-`, options and words in any order, no
 * abbreviated long names, and messages that name the whole word in which an option stood.
 */
import { EXIT_FAILED, UsageError } from './errors.ts';
import type { OptionSpec } from './option-table.ts';

export interface ReadOption {
  readonly spec: OptionSpec;
  /** Undefined for options without a value, and for an optional value that is not there. */
  readonly value: string | undefined;
}

/** A table of options by their spellings; made once, since -R reads thousands of lines. */
export interface OptionIndex {
  readonly byLong: ReadonlyMap<string, OptionSpec>;
  readonly byShort: ReadonlyMap<string, OptionSpec>;
}

export function indexOptions(options: readonly OptionSpec[]): OptionIndex {
  return {
    byLong: new Map(options.map((spec) => [spec.long, spec])),
    byShort: new Map(options.flatMap((spec) => (spec.short === undefined ? [] : [[spec.short, spec]]))),
  };
}

export class OptionReader {
  /** Words that are neither options nor their values. */
  readonly leftovers: string[] = [];
  private readonly words: readonly string[];
  private readonly options: OptionIndex;
  private readonly redefined = new Map<string, OptionSpec>();
  private nextWord = 0;
  /** What is left of a word of short options, such as `n` of `-Ln` after -L. */
  private cluster = '';
  private optionsEnded = false;

  constructor(words: readonly string[], options: OptionIndex) {
    this.words = words;
    this.options = options;
  }

  /** The word read last, as popt names it in messages: a value where the value was a word of its own. */
  get currentWord(): string {
    return this.words[this.nextWord - 1] ?? '';
  }

  /** From here on this letter is another option. */
  redefineShort(letter: string, spec: OptionSpec): void {
    this.redefined.set(letter, spec);
  }

  /** The next option, or undefined after the last. Throws what popt has to say, with exit code 255. */
  read(): ReadOption | undefined {
    while (this.cluster === '') {
      const word = this.words[this.nextWord];
      if (word === undefined) return undefined;
      this.nextWord++;
      if (this.optionsEnded || !word.startsWith('-') || word === '-') this.leftovers.push(word);
      else if (word === '--') this.optionsEnded = true;
      else if (word.startsWith('--')) return this.readLong(word.slice(2));
      else this.cluster = word.slice(1);
    }
    return this.readShort();
  }

  private readLong(text: string): ReadOption {
    const equals = text.indexOf('=');
    const spec = this.options.byLong.get(equals < 0 ? text : text.slice(0, equals));
    if (spec === undefined) throw this.error('unknown option');
    const attached = equals < 0 ? undefined : text.slice(equals + 1);
    if (spec.value !== 'none') return { spec, value: attached ?? this.valueWord(spec) };
    if (attached !== undefined) throw this.error('option does not take an argument');
    return { spec, value: undefined };
  }

  private readShort(): ReadOption {
    const letter = this.cluster.charAt(0);
    const rest = this.cluster.slice(1);
    const spec = this.redefined.get(letter) ?? this.options.byShort.get(letter);
    if (spec === undefined) throw this.error('unknown option');
    if (spec.value === 'none') {
      if (rest.startsWith('=')) throw this.error('option does not take an argument');
      this.cluster = rest;
      return { spec, value: undefined };
    }
    this.cluster = '';
    if (rest === '') return { spec, value: this.valueWord(spec) };
    return { spec, value: rest.startsWith('=') ? rest.slice(1) : rest };
  }

  private valueWord(spec: OptionSpec): string | undefined {
    const word = this.words[this.nextWord];
    if (spec.value === 'optional' && (word === undefined || word.startsWith('-'))) return undefined;
    if (word === undefined) throw this.error('missing argument');
    this.nextWord++;
    return word;
  }

  private error(text: string): UsageError {
    return new UsageError(`${this.currentWord}: ${text}`, EXIT_FAILED);
  }
}
