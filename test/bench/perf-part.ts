/** A part of the bench on the rig of test/bench/perf: measured, printed, and written into docs/PERFORMANCE.md. */
import { circumstances, writeReport } from './xdp/report.ts';
import { build, missingPackages } from './xdp/rig.ts';

export interface PerfPart {
  readonly name: string;
  /** As docs/PERFORMANCE.md marks its place. */
  readonly report: string;
  readonly title: string;
  readonly needsVm: boolean;
  /** Tables in Markdown. */
  measure(): string | Promise<string>;
}

export async function benchPart({ name, report, title, needsVm, measure }: PerfPart): Promise<void> {
  const missing = missingPackages(needsVm);
  if (missing !== undefined) {
    console.error(`\nNOT MEASURED: ${name}; Debian packages are missing. Try: ${missing}`);
    process.exitCode = 1;
    return;
  }
  build();
  const when = circumstances();
  console.log(`\n${title}:\n`);
  const tables = await measure();
  console.log(tables);
  writeReport(report, `\n${when}\n\n${tables}\n`);
}
