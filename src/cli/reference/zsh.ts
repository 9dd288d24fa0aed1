/** Completion for zsh, with what each command and option does: a function for each command, for zsh's _arguments. */
import { ADDRESSES_OF_DAEMON } from './addresses.ts';
import { allCommands, type CommandModel, type OptionModel, type Placed, type ValueKind } from './model.ts';

export function zshCompletion(program: CommandModel): string {
  const name = program.names[0]!;
  return `#compdef ${name}
# Completion of ${name} for zsh. Made from its command line: npm run reference

${ADDRESSES_OF_DAEMON(name)}
_${name}_complete_addresses() {
  local -a found
  found=(\${(f)"$(_${name}_addresses "$1" "\${opt_args[--socket]:-\${DIRECTOR_SOCKET:-/run/director/director.sock}}")"})
  compadd -a found
}

${allCommands(program)
  .map((placed) => commandFunction(name, placed))
  .join('\n')}
_${name} "$@"
`;
}

function commandFunction(program: string, { path, command }: Placed): string {
  const body = command.commands.length === 0 ? leaf : command.isDashed ? dashedCommands : commands;
  return `${functionName(path)}() {\n${body(program, path, command).join('\n')}\n}\n`;
}

const functionName = (path: string): string => `_${path.replaceAll('--', '').replace(/[^a-zA-Z]+/g, '_')}`;

function leaf(program: string, _path: string, command: CommandModel): string[] {
  const values = command.arguments.map(({ name, value, isMany }, index) =>
    quoted(`${isMany ? '*' : index + 1}:${escaped(name)}:${action(program, value)}`),
  );
  return argumentsCall('_arguments -s -S', [...optionSpecs(program, command), ...values]);
}

function commands(program: string, path: string, command: CommandModel): string[] {
  return [
    '  local curcontext=$curcontext state line',
    '  typeset -A opt_args',
    ...argumentsCall('_arguments -C -S', [
      ...optionSpecs(program, command),
      "'1:command:->command'",
      "'*::argument:->argument'",
    ]),
    '  case $state in',
    '  command)',
    ...described(command, '    '),
    '    _describe command commands ;;',
    '  argument)',
    '    case $words[1] in',
    ...branches(path, command, '    '),
    '    esac ;;',
    '  esac',
  ];
}

/** Commands that begin with a dash are the first word. */
function dashedCommands(_program: string, path: string, command: CommandModel): string[] {
  return [
    '  if (( CURRENT == 2 )); then',
    ...described(command, '    '),
    '    _describe -o command commands',
    '    return',
    '  fi',
    '  shift words',
    '  (( CURRENT-- ))',
    '  case $words[1] in',
    ...branches(path, command, '  '),
    '  esac',
  ];
}

function described(command: CommandModel, indent: string): string[] {
  const lines = command.commands.flatMap(({ names, description }) =>
    names.map((name) => `${indent}  ${quoted(`${name}:${firstSentence(description)}`)}`),
  );
  return [`${indent}local -a commands=(`, ...lines, `${indent})`];
}

const branches = (path: string, command: CommandModel, indent: string): string[] =>
  command.commands.map((below) => {
    const patterns = below.names.map((name) => (/^-\w$/.test(name) ? `${name}*` : name)).join('|');
    return `${indent}${patterns}) ${functionName(`${path} ${below.names[0]}`)} ;;`;
  });

function optionSpecs(program: string, command: CommandModel): string[] {
  const help = command.isDashed ? [] : ["'(- *)'{-h,--help}'[display help for command]'"];
  return [...command.options, ...command.inherited]
    .flatMap((option) => optionSpec(program, option))
    .concat(help);
}

function optionSpec(program: string, { names, description, value }: OptionModel): string[] {
  const others = names.length > 1 ? `(${names.join(' ')})` : '';
  const says = `[${escaped(firstSentence(description))}]`;
  return names.map((name) => {
    if (value === null) return quoted(`${others}${name}${says}`);
    const joined = name.startsWith('--') ? '=' : '+';
    const colons = value.isOptional ? '::' : ':';
    return quoted(
      `${others}${name}${joined}${says}${colons}${escaped(value.name)}:${action(program, value.kind)}`,
    );
  });
}

function action(program: string, kind: ValueKind): string {
  switch (kind.of) {
    case 'words':
      return `(${kind.words.join(' ')})`;
    case 'file':
      return '_files';
    case 'folder':
      return '_files -/';
    case 'interface':
      return '_net_interfaces';
    case 'server':
      return `_${program}_complete_addresses server`;
    case 'service':
      return `_${program}_complete_addresses "service ${kind.protocol}"`;
    default:
      return ' ';
  }
}

function argumentsCall(call: string, specs: readonly string[]): string[] {
  return [
    `  ${call} \\`,
    ...specs.map((spec, index) => `    ${spec}${index + 1 < specs.length ? ' \\' : ''}`),
  ];
}

/** A list has a line for each. */
const firstSentence = (text: string): string =>
  text.split(/[.;] |: show |, for example/)[0]!.replace(/ \([^)]*$/, '');

const escaped = (text: string): string => text.replace(/[[\]:\\]/g, (sign) => `\\${sign}`);

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
