/** Options that take a number. */
import { InvalidArgumentError } from 'commander';

export const upTo =
  (limit: number) =>
  (text: string): number => {
    const size = Number(text);
    if (Number.isInteger(size) && size >= 1 && size <= limit) return size;
    throw new InvalidArgumentError(`expected a whole number from 1 to ${limit}.`);
  };
