#!/usr/bin/env node
/** `director`: the daemon and what looks after it. What its exit says. */
import { CommanderError } from 'commander';
import { DirectorError } from '../../errors.ts';
import { programFor } from './program.ts';

const EXIT_USAGE = 2;
const EXIT_FAILED = 1;
/** Errors that the person who typed the command can mend. */
const USAGE_CODES = new Set([
  'NEED_ROOT',
  'NO_SUCH_DEVICE',
  'RULES_FILE',
  'CONFIG_FILE',
  'CAPTURE_FILE',
  'CAPTURE_UNAVAILABLE',
  'OUT_OF_RANGE',
  'BAD_REQUEST',
  'PLAN_OUTDATED',
  'SERVICE_NOT_FOUND',
  'SERVER_NOT_FOUND',
  'WEB_ADDRESS',
  'TOKEN_FILE',
  'SCHEDULER_NOT_FOUND',
  'INTERFACE_IN_USE',
  'SOCKET_IN_USE',
  'WORKERS',
  'XDP_UNAVAILABLE',
  'RING_UNAVAILABLE',
  'XDP_OCCUPIED',
  'XDP_LAYOUT',
]);

async function main(): Promise<number> {
  try {
    const program = await programFor(process.argv.slice(2));
    await program.parseAsync();
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    if (!(error instanceof DirectorError)) throw error;
    console.error(`director: ${error.message}`);
    return USAGE_CODES.has(error.code) ? EXIT_USAGE : EXIT_FAILED;
  }
}

process.exitCode = await main();
