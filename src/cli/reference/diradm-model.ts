/** The command line of `diradm`, from its table of options, of what is legal, and of what its help says. */
import { HELP_SECTIONS, type HelpEntry } from '../diradm/help-entries.ts';
import { optionsOf } from '../diradm/legality.ts';
import { type CommandName, OPTIONS, type OptionSpec } from '../diradm/option-table.ts';
import { SCHEDULER_FLAG_NAMES } from '../diradm/scheduler-flags.ts';
import { ANYTHING, type CommandModel, type OptionModel, type ValueKind, wordsIn } from './model.ts';

const SYNC_ROLES: ValueKind = { of: 'words', words: ['master', 'backup'] };

const KINDS: Readonly<Record<string, ValueKind>> = {
  'tcp-service': { of: 'service', protocol: 'tcp' },
  'udp-service': { of: 'service', protocol: 'udp' },
  'sctp-service': { of: 'service', protocol: 'sctp' },
  'real-server': { of: 'server' },
  'mcast-interface': { of: 'interface' },
  'sched-flags': { of: 'words', words: SCHEDULER_FLAG_NAMES },
  pe: { of: 'words', words: ['sip'] },
};

const ENTRIES: ReadonlyMap<string, HelpEntry> = new Map(
  HELP_SECTIONS.flatMap(({ entries }) => entries.map((entry) => [entry.long, entry] as const)),
);

export function diradmModel(): CommandModel {
  const commands = new Map<CommandName, OptionSpec[]>();
  for (const spec of OPTIONS) {
    if (spec.command !== undefined) commands.set(spec.command, [...(commands.get(spec.command) ?? []), spec]);
  }
  return {
    names: ['diradm'],
    description: "ipvsadm's command line, for the director",
    usage: '<command> [options]',
    arguments: [],
    options: [],
    inherited: [],
    commands: [...commands].map(([name, specs]) => commandModel(name, specs)),
    isDashed: true,
  };
}

function commandModel(name: CommandName, specs: readonly OptionSpec[]): CommandModel {
  const { long, value } = specs[0]!;
  const legal = optionsOf(name);
  const entry = ENTRIES.get(long)!;
  const words = value === 'required' ? ['<master|backup>'] : entry.value === undefined ? [] : [entry.value];
  return {
    names: namesOf(specs),
    description: entry.text,
    usage: [...words, ...(legal.length === 0 ? [] : ['[options]'])].join(' '),
    arguments:
      value === 'required' ? [{ name: 'role', description: '', isMany: false, value: SYNC_ROLES }] : [],
    options: OPTIONS.filter((spec) => spec.name !== undefined && legal.includes(spec.name))
      .concat(legal.includes('service-address') ? OPTIONS.filter(({ long }) => long === 'ipv6') : [])
      .map(optionModel),
    inherited: [],
    commands: [],
    isDashed: true,
  };
}

const namesOf = (specs: readonly OptionSpec[]): readonly string[] => [
  ...specs.flatMap(({ short }) => (short === undefined ? [] : [`-${short}`])),
  `--${specs[0]!.long}`,
];

function optionModel(spec: OptionSpec): OptionModel {
  const { text, value = 'value' } = ENTRIES.get(spec.long)!;
  const words = wordsIn(text);
  const kind = KINDS[spec.long] ?? (words.length > 0 ? { of: 'words' as const, words } : ANYTHING);
  return {
    names: namesOf([spec]),
    description: text,
    value: spec.value === 'none' ? null : { name: value, isOptional: spec.value === 'optional', kind },
  };
}
