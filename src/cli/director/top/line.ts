/** A line of the screen. */
import type { Mood } from './columns.ts';

export type Style = Mood | 'bold' | 'dim' | 'cursor';

export interface Piece {
  readonly text: string;
  readonly style: Style;
}

export type Line = readonly Piece[];

export const piece = (text: string, style: Style = 'plain'): Piece => ({ text, style });

/** What is cut off shows. */
export const clip = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
