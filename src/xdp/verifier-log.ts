/** What the kernel's verifier says of a program that it refuses. */

/** The line before the totals (print_verification_stats() of kernel/bpf/verifier.c); undefined: there is none. */
export function verifierRefusal(log: string): string | undefined {
  return /([^\n]+)\nprocessed \d+ insns /.exec(log)?.[1];
}
