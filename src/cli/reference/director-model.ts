/** The command line of `director`, read from commander: a new subcommand is in it by itself. */
import type { Argument, Command, Option } from 'commander';
import {
  ANYTHING,
  type ArgumentModel,
  type CommandModel,
  type OptionModel,
  type ValueKind,
} from './model.ts';

const SERVICE_OPTIONS: Readonly<Record<string, 'tcp' | 'udp' | 'sctp'>> = {
  '--tcp-service': 'tcp',
  '--udp-service': 'udp',
  '--sctp-service': 'sctp',
};

/** How a value is called says what it is: `<file>`, `<server>`. */
const KINDS: Readonly<Record<string, ValueKind>> = {
  file: { of: 'file' },
  folder: { of: 'folder' },
  interface: { of: 'interface' },
  server: { of: 'server' },
};

export function directorModel(program: Command): CommandModel {
  return commandModel(program, []);
}

function commandModel(command: Command, inherited: readonly Option[]): CommandModel {
  const help = command.createHelp();
  const own = help.visibleOptions(command).filter(({ long }) => long !== '--help');
  const subcommands = help.visibleCommands(command).filter((each) => each.name() !== 'help');
  return {
    names: [command.name(), ...command.aliases()],
    description: command.description(),
    usage: usageOf(command, own, subcommands.length > 0),
    arguments: command.registeredArguments.map(argumentModel),
    options: own.map(optionModel),
    inherited: inherited.map(optionModel),
    commands: subcommands.map((each) => commandModel(each, [...own, ...inherited])),
    isDashed: false,
  };
}

function usageOf(command: Command, own: readonly Option[], hasCommands: boolean): string {
  const required = own.filter((option) => option.mandatory).map(({ flags }) => flags);
  const others = own.length > required.length ? ['[options]'] : [];
  const words = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [...required, ...others, ...(hasCommands ? ['<command>'] : words)].join(' ');
}

function argumentModel(argument: Argument): ArgumentModel {
  const name = argument.name();
  return {
    name,
    description: argument.description,
    isMany: argument.variadic,
    value: kindOf(name, '', argument.argChoices),
  };
}

function optionModel(option: Option): OptionModel {
  const names = [option.short, option.long].filter((name) => name != null);
  const value = /[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1];
  const preset = option.defaultValue;
  const isTold = preset !== undefined && option.defaultValueDescription === undefined && value !== undefined;
  return {
    names,
    description: isTold ? `${option.description} (default: ${preset})` : option.description,
    value:
      value === undefined
        ? null
        : {
            name: value,
            isOptional: option.optional,
            kind: kindOf(value, option.long ?? '', option.argChoices),
          },
  };
}

function kindOf(name: string, long: string, choices: readonly string[] | undefined): ValueKind {
  if (choices !== undefined) return { of: 'words', words: choices };
  const protocol = SERVICE_OPTIONS[long];
  if (protocol !== undefined) return { of: 'service', protocol };
  return (
    KINDS[
      long === '--interface' || long === '--server' ? long.slice(2) : name.toLowerCase().replace('...', '')
    ] ?? ANYTHING
  );
}
