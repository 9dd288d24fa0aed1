/** A manual page in the man macros (groff_man(7)), from a command line and what people wrote for it. */
import { allCommands, type CommandModel, type OptionModel, type Placed } from './model.ts';

/** What no option table knows. Plain text; a blank line makes a paragraph. */
export interface Prose {
  readonly summary: string;
  readonly description: string;
  readonly files: readonly Term[];
  readonly environment: readonly Term[];
  readonly exitStatus: readonly Term[];
  readonly examples: readonly Example[];
  readonly seeAlso: readonly string[];
}

export type Term = readonly [name: string, text: string];

export interface Example {
  readonly text: string;
  readonly command: string;
}

const SECTION = 8;

export function manualPage(program: CommandModel, prose: Prose, version: string): string {
  const name = program.names[0]!;
  return [
    `.\\" Made from the command line of ${name}: npm run reference`,
    `.TH ${name.toUpperCase()} ${SECTION} "" "director ${version}" "System Administration"`,
    '.SH NAME',
    `${roff(name)} \\- ${roff(prose.summary)}`,
    '.SH SYNOPSIS',
    ...program.commands.flatMap((command) => synopsis(name, command)).slice(0, -1),
    '.SH DESCRIPTION',
    ...paragraphs(prose.description),
    ...section('OPTIONS', program.options.flatMap(optionLines)),
    '.SH COMMANDS',
    ...allCommands(program).slice(1).flatMap(commandLines),
    ...section('FILES', prose.files.flatMap(termLines)),
    ...section('ENVIRONMENT', prose.environment.flatMap(termLines)),
    ...section('EXIT STATUS', prose.exitStatus.flatMap(termLines)),
    ...section('EXAMPLES', prose.examples.flatMap(exampleLines).slice(0, -1)),
    '.SH SEE ALSO',
    ...prose.seeAlso.map((page, index) => reference(page, index + 1 < prose.seeAlso.length ? ',' : '')),
    '',
  ].join('\n');
}

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [`.SH ${quoted(title)}`, ...lines];

function synopsis(name: string, command: CommandModel): string[] {
  const words = command.commands.length > 0 ? '' : command.usage;
  const lines = command.commands.flatMap((below) => synopsis(`${name} ${command.names[0]}`, below));
  return lines.length > 0 ? lines : [...bold(`${name} ${command.names.join('|')}`), ...follow(words), '.br'];
}

function commandLines({ path, command }: Placed): string[] {
  if (command.commands.length > 0) return [];
  const written = [...path.split(' ').slice(1, -1), command.names.join(', ')].join(' ');
  const args = command.arguments.filter(({ description }) => description !== '');
  return [
    `.SS ${quoted(`${written} ${command.usage}`.trim())}`,
    ...paragraphs(asSentence(command.description)),
    ...args.flatMap(({ name, description }) => termLines([`<${name}>`, description])),
    ...command.options.flatMap(optionLines),
  ];
}

function optionLines({ names, value, description }: OptionModel): string[] {
  const shown = value === null ? '' : value.isOptional ? ` [${value.name}]` : ` <${value.name}>`;
  return ['.TP', ...bold(`${names.join(', ')}${shown}`), roff(description)];
}

const termLines = ([name, text]: Term): string[] => ['.TP', ...bold(name), roff(text)];

const exampleLines = ({ text, command }: Example): string[] => [
  roff(text),
  '.PP',
  '.nf',
  '.RS',
  ...command.split('\n').map(roff),
  '.RE',
  '.fi',
  '.PP',
];

function paragraphs(text: string): string[] {
  return text.split('\n\n').flatMap((paragraph, index) => [...(index === 0 ? [] : ['.PP']), roff(paragraph)]);
}

/** `ipvsadm(8)`. */
function reference(page: string, behind: string): string {
  const [, name, number] = /^(.+)(\(\d\))$/.exec(page) ?? [];
  return name === undefined ? `${roff(page)}${behind}` : `.BR ${roff(name)} ${quoted(`${number}${behind}`)}`;
}

const asSentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, '')}.`;

const bold = (text: string): string[] => [`.B ${quoted(text)}`];
const follow = (text: string): string[] => (text === '' ? [] : [roff(text)]);

/** One argument of a macro. */
const quoted = (text: string): string => `"${roff(text).replaceAll('"', '\\(dq')}"`;

/** No word of it is an escape or, at the beginning of a line, a request. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replace(/^(?=[.'])/gm, '\\&');
}
