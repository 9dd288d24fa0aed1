import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** In a fresh clone nobody knows how long a file takes, and one of these that began last would be waited for. */
const LONGEST = [
  'xdp/kernel/differential',
  'model/path-against-model',
  'netns/supervision',
  'netns/tcp',
  'netns/diradm',
  'netns/daemon',
  'netns/doctor',
  'netns/xdp',
  'netns/handover',
  'netns/failover',
  'netns/capture',
  'scripts/host-scripts',
  'netns/ldirectord',
];

const rankOf = ({ moduleId }: TestSpecification): number => {
  const rank = LONGEST.findIndex((name) => moduleId.endsWith(`test/${name}.test.ts`));
  return rank < 0 ? LONGEST.length : rank;
};

export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).toSorted((a, b) => rankOf(a) - rankOf(b));
  }
}
