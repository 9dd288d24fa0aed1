/** The terminal: ink draws the lines of a frame and reads keys. Everything that is decided is decided elsewhere. */
import { Box, type Key as InkKey, type Instance, render, Text, type TextProps, useInput } from 'ink';
import { createElement, type ReactNode } from 'react';
import { frameOf } from './frame.ts';
import type { Style } from './line.ts';
import type { Key, KeyName, State } from './state.ts';

const ENTER_ALTERNATE_SCREEN = '\x1b[?1049h\x1b[H';
/** And the cursor is shown again. */
const LEAVE_ALTERNATE_SCREEN = '\x1b[?1049l\x1b[?25h';

export interface Screen {
  show(state: State): void;
  /** Rejects when a frame could not be drawn. */
  readonly closed: Promise<unknown>;
  /** As often as one likes. */
  close(): void;
}

export interface Terminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly hasColors: boolean;
}

export function openScreen(terminal: Terminal, state: State, onKey: (key: Key) => void): Screen {
  const { stdin, stdout, hasColors } = terminal;
  stdout.write(ENTER_ALTERNATE_SCREEN);
  const draw = (shown: State): ReactNode => createElement(App, { state: shown, hasColors, onKey });
  let ink: Instance | undefined = render(draw(state), {
    stdin,
    stdout,
    exitOnCtrlC: false,
    patchConsole: false,
  });
  return {
    closed: ink.waitUntilExit(),
    show: (next) => ink?.rerender(draw(next)),
    close() {
      if (ink === undefined) return;
      ink.unmount();
      ink = undefined;
      stdout.write(LEAVE_ALTERNATE_SCREEN);
    },
  };
}

interface Props {
  readonly state: State;
  readonly hasColors: boolean;
  readonly onKey: (key: Key) => void;
}

function App({ state, hasColors, onKey }: Props): ReactNode {
  useInput((text, key) => {
    for (const each of keysOf(text, key)) onKey(each);
  });
  return createElement(Frame, { state, hasColors });
}

export function Frame({ state, hasColors }: Pick<Props, 'state' | 'hasColors'>): ReactNode {
  const styles = hasColors ? COLORED : PLAIN;
  const lines = frameOf(state).map((line, row) => {
    const pieces = line.map(({ text, style }, at) =>
      createElement(Text, { key: at, ...styles[style] }, text),
    );
    // A line without anything would have no height.
    return createElement(Text, { key: row, wrap: 'truncate' }, ...(pieces.length === 0 ? [' '] : pieces));
  });
  return createElement(Box, { flexDirection: 'column' }, ...lines);
}

const PLAIN: Readonly<Record<Style, TextProps>> = {
  plain: {},
  good: {},
  warning: { bold: true },
  bad: { bold: true },
  bold: { bold: true },
  dim: {},
  cursor: { inverse: true },
};

const COLORED: Readonly<Record<Style, TextProps>> = {
  ...PLAIN,
  good: { color: 'green' },
  warning: { color: 'yellow' },
  bad: { color: 'red', bold: true },
  dim: { dimColor: true },
};

const NAMES: readonly (readonly [keyof InkKey, KeyName])[] = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['leftArrow', 'left'],
  ['rightArrow', 'right'],
  ['pageUp', 'page-up'],
  ['pageDown', 'page-down'],
  ['home', 'home'],
  ['end', 'end'],
  ['return', 'enter'],
  ['escape', 'escape'],
  ['backspace', 'backspace'],
  ['delete', 'backspace'], // what the key sends on most terminals
];

/** Keys that were typed faster than they were read come together. */
function keysOf(text: string, key: InkKey): readonly Key[] {
  if (key.ctrl) return text === 'c' ? [{ name: 'interrupt' }] : [];
  const name = NAMES.find(([property]) => key[property] === true)?.[1];
  if (name !== undefined) return [{ name }];
  return [...text].flatMap((sign): Key[] => {
    if (sign === '\r') return [{ name: 'enter' }];
    return sign < ' ' || key.meta ? [] : [{ text: sign }];
  });
}
