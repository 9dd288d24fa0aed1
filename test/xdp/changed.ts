/** Steps of the model test with what it leaves out: settings and servers as only this director has them, and mutated frames. */
import type { Edit } from '../../src/service/model.ts';
import { toHex } from '../helpers/frame-builder.ts';
import { sampleFrames } from '../helpers/sample-frames.ts';
import { frameOf } from '../model/frames.ts';
import type { Random } from '../model/random.ts';
import type { Step } from '../model/steps.ts';
import { mutated } from './mutate.ts';

const RAW_SHARE = 0.25;

export function changed(step: Step, random: Random): Step {
  if (step.do === 'frame' && random.chance(RAW_SHARE)) return rawStep(step, random);
  return step.do === 'edit' ? { do: 'edit', edit: withOurOwn(step.edit, random) } : step;
}

/** What the director adds to IPVS: servers that failed, or have another weight for now, and settings. */
function withOurOwn(edit: Edit, random: Random): Edit {
  if (edit.op === 'set' && random.chance(0.3))
    return random.chance(0.5)
      ? { op: 'set', name: 'failed_connections', value: random.pick([0, 1, 2, 2]) }
      : { op: 'set', name: 'second_chance', value: random.chance(0.8) ? 1 : 0 };
  if (edit.op !== 'add-server' && edit.op !== 'edit-server') return edit;
  const options = {
    ...edit.options,
    ...(random.chance(0.2) ? { failed: true as const } : {}),
    ...(random.chance(0.1) ? { weightInForce: random.below(4) } : {}),
  };
  return { ...edit, options };
}

function rawStep(step: Extract<Step, { do: 'frame' }>, random: Random): Step {
  const frame = random.chance(0.6) ? frameOf(step.frame).bytes : random.pick(sampleFrames);
  return { do: 'raw', frame: toHex(mutated(frame, random)) };
}
