/** What a schema has against a file, in words for people: the value that stands there, and what may. */
import { z } from 'zod';

const MAX_VALUE_LENGTH = 60;

/** For safeParse(): what is expected. A schema that has words of its own keeps them. */
export function expectation(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.inst instanceof z.ZodObject
        ? `there are: ${Object.keys(issue.inst.shape).join(', ')}`
        : undefined;
    case 'invalid_type':
      return `expected ${kindOf(issue)}`;
    case 'invalid_value':
      return `expected ${issue.values.join(', ').replace(/, (?=[^,]*$)/, ' or ')}`;
    case 'too_small':
      return `expected ${issue.minimum} or more${UNITS[issue.origin] ?? ''}`;
    case 'too_big':
      return `expected ${issue.maximum} or less${UNITS[issue.origin] ?? ''}`;
    case 'invalid_format':
      return issue.format === 'starts_with'
        ? `expected something that begins with ${issue.prefix}`
        : undefined;
    default:
      return undefined;
  }
}

/** `weight is "high"; expected a whole number from 0 to 65535`. Needs safeParse() with reportInput. */
export function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `${issue.keys[0]} is not known here; ${issue.message}`;
  return `${nameOf(issue.path)} is ${describeValue(foundIn(issue))}; ${issue.message}`;
}

function nameOf(path: z.core.$ZodIssue['path']): string {
  const key = path.findLast((part) => typeof part === 'string') ?? 'the file';
  return typeof path.at(-1) === 'number' ? `an entry of ${key}` : key;
}

/** Where a key decides what others there may be, it is the key's value that is wrong. */
function foundIn(issue: z.core.$ZodIssue): unknown {
  const key = issue.code === 'invalid_union' ? issue.discriminator : undefined;
  return key === undefined ? issue.input : (issue.input as Readonly<Record<string, unknown>>)[key];
}

const UNITS: Readonly<Record<string, string>> = { string: ' characters', array: ' entries' };

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  object: 'keys with values',
  record: 'keys with values',
};

function kindOf({ inst, expected }: z.core.$ZodRawIssue & { code: 'invalid_type' }): string {
  if (inst instanceof z.ZodNumber) return numberOf(inst);
  const described = inst instanceof z.ZodType ? inst.description : undefined;
  return described ?? KINDS[expected] ?? expected;
}

function numberOf({ isInt, minValue, maxValue }: z.ZodNumber): string {
  const kind = isInt ? 'a whole number' : 'a number';
  return minValue === null || maxValue === null || maxValue === Number.MAX_SAFE_INTEGER
    ? kind
    : `${kind} from ${minValue} to ${maxValue}`;
}

function describeValue(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'empty';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'string') return JSON.stringify(shortened(value));
  return typeof value === 'object' ? 'a group of keys' : shortened(String(value));
}

const shortened = (text: string): string =>
  text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH)}…` : text;
