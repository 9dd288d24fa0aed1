/** How the screen is divided. One line stays free: a frame as high as the terminal would make ink clear it each time. */
import type { Size, State } from './state.ts';

/** And one more for warnings, if there are any. */
const HEAD_LINES = 3;
/** Title of the table, its columns; notice and keys. */
const TABLE_LINES = 2;
const FOOT_LINES = 2;

export const frameHeight = ({ rows }: Size): number => Math.max(1, rows - 1);

export function rowsInSight({ size, overview }: State): number {
  const head = HEAD_LINES + (overview.warnings.length > 0 ? 1 : 0);
  return Math.max(1, frameHeight(size) - head - TABLE_LINES - FOOT_LINES);
}
