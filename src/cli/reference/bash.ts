/** Completion for bash: tables made from the command line, and one text that reads them. No program is started but curl. */
import { ADDRESSES_OF_DAEMON } from './addresses.ts';
import { allCommands, type CommandModel, type OptionModel, type Placed, type ValueKind } from './model.ts';

export function bashCompletion(program: CommandModel): string {
  const name = program.names[0]!;
  const placed = allCommands(program);
  return `# Completion of ${name} for bash. Made from its command line: npm run reference

# Sets commands and options: what may stand behind these words.
_${name}_words() {
  case $1 in
${placed.map(wordsLine).join('\n')}
  esac
}

# Sets path, if this word names a command below it.
_${name}_descend() {
  case "$1 $2" in
${placed.flatMap(descentLines).join('\n')}
  *) return 1 ;;
  esac
}

# Sets kind: what an option's value, or the argument of this number, may be; nothing if there is none.
_${name}_kind() {
  case "$1 $2" in
${placed.flatMap(kindLines).join('\n')}
  *) kind= ;;
  esac
}

${ADDRESSES_OF_DAEMON(name)}
${READER.replaceAll('NAME', name)}`;
}

const optionsOf = ({ options, inherited }: CommandModel): readonly OptionModel[] => [
  ...options,
  ...inherited,
];

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function wordsLine({ path, command }: Placed): string {
  const commands = command.commands.flatMap(({ names }) => names).join(' ');
  const options = [
    ...optionsOf(command).flatMap(({ names }) => names),
    ...(command.isDashed ? [] : ['--help']),
  ];
  return `  ${quoted(path)}) commands=${quoted(commands)} options=${quoted(options.join(' '))} ;;`;
}

function descentLines({ path, command }: Placed): string[] {
  return command.commands.map((below) => {
    const patterns = below.names.map((name) => quoted(`${path} ${name}`));
    return `  ${patterns.join(' | ')}) path=${quoted(`${path} ${below.names[0]}`)} ;;`;
  });
}

function kindLines({ path, command }: Placed): string[] {
  return [
    ...optionsOf(command).flatMap((option) => optionKind(path, option)),
    ...command.arguments.flatMap(({ value, isMany }, index) =>
      value.of === 'anything'
        ? []
        : [
            `  ${quoted(`${path} ${index}`)}${isMany ? ` | ${quoted(`${path} `)}[0-9]*` : ''}) kind=${quoted(kindText(value))} ;;`,
          ],
    ),
  ];
}

function optionKind(path: string, { names, value }: OptionModel): string[] {
  if (value === null) return [];
  const patterns = names.map((name) => quoted(`${path} ${name}`)).join(' | ');
  return [`  ${patterns}) kind=${quoted(`${value.isOptional ? '?' : ''}${kindText(value.kind)}`)} ;;`];
}

function kindText(kind: ValueKind): string {
  if (kind.of === 'words') return `words ${kind.words.join(' ')}`;
  return kind.of === 'service' ? `service ${kind.protocol}` : kind.of;
}

const READER = `_NAME_values() {
  case $1 in
  words*) mapfile -t COMPREPLY < <(compgen -W "\${1#words }" -- "$2") ;;
  file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
  folder) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
  interface) mapfile -t COMPREPLY < <(cd /sys/class/net && compgen -d -- "$2") ;;
  server | service*) mapfile -t COMPREPLY < <(compgen -W "$(_NAME_addresses "$1" "$socket")" -- "$2") ;;
  esac
}

_NAME() {
  # Not COMP_WORDS: that is broken at the colons of addresses.
  local line=\${COMP_LINE:0:COMP_POINT} socket=\${DIRECTOR_SOCKET:-/run/director/director.sock}
  local words word current path=NAME option='' kind='' commands='' options='' count=0
  # shellcheck disable=SC2162 # a blank after a backslash is part of the word
  read -a words <<<"$line"
  if [[ $line == *[[:blank:]] ]]; then words+=(''); fi
  current=\${words[-1]}
  unset 'words[-1]'
  for word in "\${words[@]:1}"; do
    if [[ -n $kind && ($kind != \\?* || $word != -*) ]]; then
      if [[ $option == --socket ]]; then socket=$word; fi
      kind=
    elif ((count == 0)) && _NAME_descend "$path" "$word"; then
      kind=
    elif [[ $word == -[!-]?* ]] && _NAME_descend "$path" "\${word:0:2}"; then
      option=-\${word: -1} # -At is -A -t
      _NAME_kind "$path" "$option"
    elif [[ $word == -* ]]; then
      option=$word
      _NAME_kind "$path" "$word"
    else
      kind=
      count=$((count + 1))
    fi
  done
  _NAME_words "$path"
  COMPREPLY=()
  if [[ $current == --*=* ]]; then
    _NAME_kind "$path" "\${current%%=*}"
    current=\${current#*=}
    _NAME_values "\${kind#\\?}" "$current"
  elif [[ -n $kind && ($kind != \\?* || $current != -*) ]]; then
    _NAME_values "\${kind#\\?}" "$current"
  elif [[ $current == -* || $commands == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands $options" -- "$current")
  elif [[ -n $commands ]]; then
    if ((count > 0)); then return; fi
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
  else
    _NAME_kind "$path" "$count"
    if [[ -z $kind && -z $current ]]; then mapfile -t COMPREPLY < <(compgen -W "$options"); fi
    _NAME_values "$kind" "$current"
  fi
  # Readline replaces only what stands behind the last colon.
  if [[ $current == *:* && $COMP_WORDBREAKS == *:* ]]; then
    COMPREPLY=("\${COMPREPLY[@]#"\${current%"\${current##*:}"}"}")
  fi
}

complete -F _NAME NAME
`;
