import { expect, test } from 'vitest';
import { warningsOf } from '../../src/daemon/warnings.ts';
import { applyEdit, EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';
import { addService } from '../helpers/edits.ts';

const warnings = (
  netmask: number,
  workers: number,
  { persistentSec = 300, name = 'tcp 10.0.0.100:80' } = {},
) => warningsOf(applyEdit(EMPTY_CONFIGURATION, addService(name, { persistentSec, netmask })), [], workers);

test('clients of a network that several processes share are warned of', () => {
  expect(warnings(0xffffff00, 2)).toEqual([
    'tcp 10.0.0.100:80: clients of one network (-M) may go to as many servers as there are processes, 2: each keeps its own clients together',
  ]);
  expect(warnings(64, 2, { name: 'tcp [fd00::1]:80' })).toHaveLength(1);
  expect(warnings(0xffffff00, 1)).toEqual([]);
  expect(warnings(0xffffffff, 2)).toEqual([]);
  expect(warnings(-1, 2)).toEqual([]);
  expect(warnings(128, 2, { name: 'tcp [fd00::1]:80' })).toEqual([]);
  expect(warnings(0xffffff00, 2, { persistentSec: 0 })).toEqual([]);
});
