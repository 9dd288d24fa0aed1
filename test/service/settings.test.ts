/** The settings: names and defaults of the kernel's sysctls, and what each refuses. */
import { describe, expect, test } from 'vitest';
import { applyEdit, EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';
import { DEFAULT_SETTINGS, SETTING_NAMES, SETTINGS, withSetting } from '../../src/service/settings.ts';

/** Documentation/networking/ipvs-sysctl.rst, and /proc/sys/net/ipv4/vs of a kernel that was just started. */
const KERNEL_DEFAULTS = {
  am_droprate: 10,
  conn_reuse_mode: 1,
  drop_entry: 0,
  drop_packet: 0,
  expire_nodest_conn: 0,
  expire_quiescent_template: 0,
  ignore_tunneled: 0,
  nat_icmp_send: 0,
  schedule_icmp: 0,
  secure_tcp: 0,
  sloppy_sctp: 0,
  sloppy_tcp: 0,
};

/** What IPVS does not have. */
const OWN_DEFAULTS = { failed_connections: 1, second_chance: 1, syn_flood_rate: 10_000 };

test('defaults are the kernel’s', () => {
  expect(DEFAULT_SETTINGS).toEqual({ ...KERNEL_DEFAULTS, ...OWN_DEFAULTS });
  expect(EMPTY_CONFIGURATION.settings).toEqual(DEFAULT_SETTINGS);
});

test('each has a meaning in one line', () => {
  for (const name of SETTING_NAMES) expect(SETTINGS[name].meaning).toMatch(/^\S.{10,120}\S$/);
});

describe.each(SETTING_NAMES.map((name) => ({ name })))('$name', ({ name }) => {
  const spec: { readonly min?: number; readonly max: number } = SETTINGS[name];
  const min = spec.min ?? 0;

  test('takes its whole range, and leaves the others', () => {
    for (const value of [min, spec.max]) {
      const { [name]: changed, ...others } = withSetting(DEFAULT_SETTINGS, name, value);
      const { [name]: _, ...defaults } = DEFAULT_SETTINGS;
      expect(changed).toBe(value);
      expect(others).toEqual(defaults);
    }
  });

  test.each([min - 1, spec.max + 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, -0.1])(
    'refuses %d',
    (value) => {
      expect(() => withSetting(DEFAULT_SETTINGS, name, value)).toThrow(
        expect.objectContaining({
          code: 'OUT_OF_RANGE',
          message: `${name} takes ${min} to ${spec.max}, not ${value}`,
        }),
      );
    },
  );
});

test.each(['', 'sync_threshold', 'toString', '__proto__', 'constructor', 'SLOPPY_TCP'])(
  'there is no setting %j',
  (name) => {
    const edit = { op: 'set', name, value: 1 } as const;
    expect(() => applyEdit(EMPTY_CONFIGURATION, edit)).toThrow(
      `there is no setting ${name}; there are: am_d`,
    );
  },
);

test('an edit changes one setting and nothing else', () => {
  const changed = applyEdit(EMPTY_CONFIGURATION, { op: 'set', name: 'sloppy_tcp', value: 1 });
  expect(changed).toEqual({ ...EMPTY_CONFIGURATION, settings: { ...DEFAULT_SETTINGS, sloppy_tcp: 1 } });
  expect(EMPTY_CONFIGURATION.settings.sloppy_tcp).toBe(0);
});
