/** A subcommand is loaded alone, and is the same as in the whole command line. */
import { describe, expect, test } from 'vitest';
import { createProgram, programFor } from '../../../src/cli/director/program.ts';

const whole = await createProgram({});
const names = whole.commands.map((command) => command.name());
const namesFor = async (...words: string[]) =>
  (await programFor(words, {})).commands.map((command) => command.name());

test.each(whole.commands.map((command) => [command.name(), command] as const))(
  '%s',
  async (name, command) => {
    const program = await programFor([name, '--json'], {});
    const alone = program.commands.find((each) => each.name() === name);
    expect(alone?.helpInformation()).toBe(command.helpInformation());
    expect(program.commands.length).toBeLessThan(3);
  },
);

describe('what is loaded', () => {
  test('is the same after the socket', async () => {
    expect(await namesFor('--socket', '/run/status', 'set')).toEqual(['set']);
    expect(await namesFor('--socket=/run/status', 'set')).toEqual(['set']);
  });

  test.each([
    ['nothing', []],
    ['help', ['--help']],
    ['help of one', ['help', 'status']],
    ['an option before it', ['--what', 'status']],
    ['a word that is none', ['statsu']],
    ['a socket alone', ['--socket']],
  ])('%s: all', async (_, words) => {
    expect(await namesFor(...words)).toEqual(names);
  });
});
