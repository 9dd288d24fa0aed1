#!/usr/bin/env node
/**
 * diradm: ipvsadm for the director, to the byte. Called as `ipvsadm` it is ipvsadm. Loads little, since programs
 * call it once for each change.
 */
import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '../../control/client.ts';
import type { Io } from './io.ts';
import { createSystemResolver } from './resolver.ts';
import { runCommandLine } from './run.ts';

/** What the shell shows for a program that SIGPIPE ended. */
const EXIT_BROKEN_PIPE = 141;

/** `argv` as in process.argv. Resolves to the exit code. */
export async function main(argv: readonly string[], io: Io = processIo(argv)): Promise<number> {
  try {
    return await runCommandLine(argv.slice(2), io);
  } finally {
    io.client.close();
  }
}

/** DIRADM_NAME is for wrappers that cannot choose the name under which this file is called. */
function programName(argv: readonly string[]): string {
  return process.env.DIRADM_NAME || basename(argv[1] ?? 'diradm').replace(/^main\.[jt]s$/, 'diradm');
}

function processIo(argv: readonly string[]): Io {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(EXIT_BROKEN_PIPE);
      throw error;
    });
  }
  return {
    program: programName(argv),
    get stdin() {
      return process.stdin;
    },
    writeOut: (text) => process.stdout.write(text),
    writeError: (text) => process.stderr.write(text),
    client: createClient(),
    resolver: createSystemResolver(),
  };
}

const script = process.argv[1];
if (script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url)) {
  process.exitCode = await main(process.argv);
}
