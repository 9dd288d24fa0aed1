import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type BpfAddon,
  type BpfError,
  type BpfLoadOptions,
  type BpfObject,
  loadBpfAddon,
} from '../../src/host/bpf.ts';
import { readNativeStatus } from '../../src/host/native.ts';
import { connect, describeWithRoot, must, type Namespace, namespaces, run } from '../helpers/netns.ts';
import type { Answer, Call } from './bpf-child.ts';

const LOOPBACK = 1; // its ifindex, in every namespace
const XDP_DROP = 1;
const XDP_PASS = 2;
const XDP_TX = 3;
const ASIS: BpfLoadOptions = { maxEntries: {}, constants: {}, pinFolder: null };

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
/** Made only when tests are run: afterAll() is not called for a file whose tests are all skipped. */
const folder = join(tmpdir(), `bpf-object-${process.pid}`);
const sample = join(folder, 'sample.bpf.o');
const refused = join(folder, 'refused.bpf.o');

/** A number as the bytes of a key or value. */
function bytes(number: number, width = 4): Uint8Array {
  const buffer = Buffer.alloc(width);
  buffer.writeUInt32LE(number);
  return new Uint8Array(buffer);
}

const numbers = (from: ArrayBuffer | Uint8Array): number[] =>
  from instanceof Uint8Array ? [...new Uint32Array(from.slice().buffer)] : [...new Uint32Array(from)];

function thrownBy(act: () => unknown): BpfError {
  try {
    act();
  } catch (error) {
    return error as BpfError;
  }
  throw new Error('nothing was thrown');
}

async function compile(name: string, built: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const machines = readdirSync('/usr/include').filter((entry) =>
    existsSync(`/usr/include/${entry}/asm/types.h`),
  );
  const flags = ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', '-Wall', '-Werror'];
  const include = machines.map((machine) => `-I/usr/include/${machine}`);
  await must('clang', [...flags, ...include, '-c', here(`bpf/${name}.bpf.c`), '-o', built]);
}

/** An addon that is not built is skipped like a missing tool, unless everything is required. */
function describeWithBpf(name: string, tools: readonly string[], body: () => void): void {
  const part = readNativeStatus()?.bpfAddon;
  if (part?.ok === true || process.env.DIRECTOR_REQUIRE_ALL === '1') {
    describeWithRoot(name, ['clang', ...tools], body);
  } else {
    const why = part?.reason ?? 'npm run build:native has not run';
    console.warn(`SKIPPED: ${name}: ${why}`);
    describe.skip(`${name} (skipped: ${why})`, body);
  }
}

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeWithBpf('an object of BPF programs and maps', [], () => {
  let addon: BpfAddon;
  const open: BpfObject[] = [];

  beforeAll(async () => {
    addon = loadBpfAddon();
    await Promise.all([compile('sample', sample), compile('refused', refused)]);
  });

  afterEach(() => {
    for (const object of open.splice(0)) object.close();
  });

  function load(options: Partial<BpfLoadOptions> = {}, path = sample): BpfObject {
    const object = new addon.BpfObject(path, { ...ASIS, ...options });
    open.push(object);
    return object;
  }

  describe('loading', () => {
    test('maps have the entries that are asked for, the others those of the object', () => {
      const object = load({ maxEntries: { shared: 1000, events: 8192 } });
      expect(object.mapInfo('shared')).toEqual({
        id: expect.any(Number),
        keyBytes: 4,
        valueBytes: 4,
        maxEntries: 1000,
      });
      expect(object.mapInfo('events').maxEntries).toBe(8192);
      expect(object.mapInfo('table').maxEntries).toBe(8);
    });

    function sumWith(constants: BpfLoadOptions['constants']): { sum: bigint; returned: number } {
      const object = load({ constants });
      const context = new Uint8Array(16);
      const returned = object.runSyscall(object.program('serve'), context);
      return { sum: new DataView(context.buffer).getBigUint64(0, true), returned };
    }

    test('constants are those of the object', () => {
      expect(sumWith({})).toEqual({ sum: 15n, returned: 0 });
    });

    test('constants of each width are set, signed and unsigned', () => {
      const constants = {
        one_byte: 0xff,
        two_bytes: 0xffff,
        four_bytes: 0xffff_fffe,
        eight_bytes: 1n << 63n,
        below_zero: -42,
      };
      expect(sumWith(constants)).toEqual({
        sum: BigInt.asUintN(64, (1n << 63n) + BigInt(0xff + 0xffff) + 0xffff_fffen),
        returned: -42,
      });
    });

    test.each([
      ['one_byte', 256],
      ['one_byte', -129],
      ['two_bytes', 65536],
      ['four_bytes', 2 ** 32],
      ['below_zero', -(2 ** 31) - 1],
    ])('%s does not take %d', (name, value) => {
      const error = thrownBy(() => load({ constants: { [name]: value } }));
      expect(error).toMatchObject({ code: 'ERANGE', message: expect.stringContaining(`'${name}'`) });
    });

    test.each([
      ['a map', { maxEntries: { nothing: 1 } }],
      ['a constant', { constants: { nothing: 1 } }],
    ])('%s that is not there is refused by name', (_what, options) => {
      expect(thrownBy(() => load(options))).toMatchObject({
        code: 'ENOENT',
        errno: -2,
        message: expect.stringContaining("'nothing'"),
        log: expect.stringContaining("'nothing'"),
      });
    });

    test.each([
      ['no options', [sample]],
      ['half an entry', [sample, { ...ASIS, maxEntries: { shared: 0.5 } }]],
      ['no number', [sample, { ...ASIS, constants: { one_byte: 'x' } }]],
      ['an integer of 65 bits', [sample, { ...ASIS, constants: { eight_bytes: 1n << 64n } }]],
    ])('%s: TypeError', (_what, args) => {
      expect(() => new addon.BpfObject(...(args as [string, BpfLoadOptions]))).toThrow(TypeError);
    });

    test('no file', () => {
      expect(thrownBy(() => load({}, '/nonexistent.o'))).toMatchObject({
        code: 'ENOENT',
        syscall: 'bpf_object__open_file',
      });
    });

    test('a file that is no object', () => {
      const error = thrownBy(() => load({}, here('bpf/sample.bpf.c')));
      expect(error).toMatchObject({ code: 'ENOEXEC', log: expect.stringContaining('ELF') });
    });

    test('what the verifier has to say about a program that it refuses', () => {
      const error = thrownBy(() => load({}, refused));
      expect(error).toMatchObject({ code: 'EACCES', errno: -13, syscall: 'bpf_object__load' });
      expect(error.log).toContain('invalid access to packet');
    });

    test('the log of one failure is not in that of the next', () => {
      thrownBy(() => load({}, refused));
      expect(thrownBy(() => load({}, '/nonexistent.o')).log).not.toContain('packet');
    });
  });

  describe('maps', () => {
    test('an array is memory that is shared with the program', () => {
      const object = load();
      const [answer, shorten] = [object.program('answer'), object.program('shorten')];
      const values = new BigUint64Array(object.map('shared')); // 4 bytes each, on 8
      expect(object.map('shared')).toBe(object.map('shared'));
      expect(values).toHaveLength(4);
      values[1] = 40n;
      const frame = new Uint8Array(60);
      object.runXdp(answer, frame, 60, frame, 0);
      object.runXdp(shorten, frame, 60, frame, 0);
      object.runXdp(shorten, frame, 60, frame, 0);
      expect([...values]).toEqual([1n, 42n, 0n, 0n]);
      expect(new BigUint64Array(object.map('.bss'))[0]).toBe(3n);
    });

    test('memory of many pages', () => {
      const object = load({ maxEntries: { shared: 1_000_001 } });
      const memory = object.map('shared');
      expect(memory.byteLength).toBe(8_000_008);
      new Uint32Array(memory)[2_000_000] = 7;
      const value = new Uint8Array(4);
      object.lookup('shared', bytes(1_000_000), value);
      expect(numbers(value)).toEqual([7]);
    });

    test('a hash has no memory to share', () => {
      expect(thrownBy(() => load().map('table'))).toMatchObject({ syscall: 'mmap' });
    });

    test('entries are written, read, walked through and removed by system call', () => {
      const object = load();
      const value = new Uint8Array(8);
      expect(object.lookup('table', bytes(1), value)).toBe(false);
      for (const key of [1, 2, 3]) object.update('table', bytes(key), bytes(key * 10, 8));
      expect(object.lookup('table', bytes(2), value)).toBe(true);
      expect(numbers(value)).toEqual([20, 0]);

      const seen: number[] = [];
      const next = new Uint8Array(4);
      for (let key: Uint8Array | null = null; object.nextKey('table', key, next); key = next.slice()) {
        seen.push(...numbers(next));
      }
      expect(seen.sort()).toEqual([1, 2, 3]);

      expect(object.remove('table', bytes(2))).toBe(true);
      expect(object.remove('table', bytes(2))).toBe(false);
      expect(object.lookup('table', bytes(2), value)).toBe(false);
    });

    test('a full one throws', () => {
      const object = load();
      for (let key = 0; key < 8; key++) object.update('table', bytes(key), bytes(0, 8));
      const error = thrownBy(() => object.update('table', bytes(8), bytes(0, 8)));
      expect(error).toMatchObject({ code: 'E2BIG', syscall: 'BPF_MAP_UPDATE_ELEM' });
    });

    test('a per-CPU entry has a value for each CPU', () => {
      const object = load();
      const frame = new Uint8Array(60);
      for (let i = 0; i < 5; i++) object.runXdp(object.program('answer'), frame, 60, frame, 0);
      const values = new Uint8Array(8 * addon.possibleCpus());
      expect(object.lookup('per_cpu', bytes(0), values)).toBe(true);
      expect(numbers(values).reduce((sum, count) => sum + count)).toBe(5);
    });

    test('keys and values of another size are refused', () => {
      const object = load();
      expect(thrownBy(() => object.lookup('table', bytes(1), new Uint8Array(4))).code).toBe('EINVAL');
      expect(thrownBy(() => object.update('table', bytes(1, 8), bytes(1, 8))).code).toBe('EINVAL');
      expect(() => object.nextKey('table', bytes(1, 8), bytes(1))).toThrow(RangeError);
      expect(() => object.lookup('table', bytes(1), new Uint16Array(4) as never)).toThrow(TypeError);
    });
  });

  describe('running', () => {
    test('the verdict and the frame come back, and the frame that went in stays as it was', () => {
      const object = load();
      const program = object.program('answer');
      const frame = new Uint8Array(100).fill(0xff);
      const out = new Uint8Array(200);
      expect(object.runXdp(program, frame, 60, out, 1)).toBe(XDP_TX * 2 ** 20 + 60);
      expect([...out.subarray(0, 2)]).toEqual([1, 0xff]); // by interface 1
      expect(out[60]).toBe(0);
      expect(frame.every((byte) => byte === 0xff)).toBe(true);
      frame[0] = 0;
      expect(object.runXdp(program, frame, 99, out, 1)).toBe(XDP_PASS * 2 ** 20 + 99);
    });

    test('the length is that of what the program left', () => {
      const object = load();
      const frame = new Uint8Array(3500);
      expect(object.runXdp(object.program('shorten'), frame, 3500, frame, 0)).toBe(
        XDP_DROP * 2 ** 20 + 3500 - 14,
      );
    });

    test('what cannot be run throws', () => {
      const object = load();
      const program = object.program('answer');
      const frame = new Uint8Array(60);
      expect(thrownBy(() => object.runXdp(program, frame, 13, frame, 0)).code).toBe('EINVAL');
      expect(thrownBy(() => object.runXdp(program, frame, 60, frame.subarray(0, 59), 0)).code).toBe('ENOSPC');
      expect(thrownBy(() => object.runXdp(program, frame, 60, frame, 12345)).code).toBe('ENODEV');
      expect(thrownBy(() => object.runXdp(99, frame, 60, frame, 0)).code).toBe('EBADF');
      expect(() => object.runXdp(program, frame, 61, frame, 0)).toThrow(TypeError);
      expect(() => object.runXdp(-1, frame, 60, frame, 0)).toThrow(TypeError);
      expect(thrownBy(() => object.program('nothing'))).toMatchObject({
        code: 'ENOENT',
        message: expect.stringContaining("'nothing'"),
      });
    });

    test('records of a ring buffer come one by one, in order, and timers run in between', async () => {
      const object = load({ maxEntries: { events: 64 * 1024 } });
      const records: number[] = [];
      let atTimer = -1;
      object.onEvents('events', (record) => {
        expect(record).toBeInstanceOf(Buffer);
        if (records.push(record.readUInt32LE()) === 1) setTimeout(() => (atTimer = records.length), 0);
      });
      const context = new Uint8Array(16);
      context.set(bytes(500), 8);
      expect(object.runSyscall(object.program('serve'), context)).toBe(0);
      expect(records).toEqual([]);
      while (records.length < 500) await new Promise((resolve) => setTimeout(resolve, 1));
      expect(records).toEqual(Array.from({ length: 500 }, (_, i) => i));
      expect(atTimer).toBeGreaterThan(0);
      expect(atTimer).toBeLessThan(500);
    });

    test('events end when the object is closed by one of them', async () => {
      const object = load();
      let records = 0;
      object.onEvents('events', () => {
        records++;
        object.close();
      });
      const context = new Uint8Array(16);
      context.set(bytes(100), 8);
      object.runSyscall(object.program('serve'), context);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(records).toBe(1);
    });

    test('events of a map that is no ring buffer', () => {
      expect(thrownBy(() => load().onEvents('table', () => {}))).toMatchObject({
        code: 'EINVAL',
        syscall: 'ring_buffer__new',
      });
    });

    test('neither an open object nor its events keep a process alive', async () => {
      const script = `
        const { loadBpfAddon } = await import(${JSON.stringify(here('../../src/host/bpf.ts'))});
        const object = new (loadBpfAddon().BpfObject)(${JSON.stringify(sample)}, ${JSON.stringify(ASIS)});
        object.map('shared');
        object.onEvents('events', () => {});
      `;
      const flags = ['--import', 'tsx', '--input-type=module', '-e', script];
      expect(await run(process.execPath, flags)).toMatchObject({ code: 0, stderr: '' });
    });
  });

  describe('close', () => {
    test('every call after it throws EBADF, and a second close() does nothing', () => {
      const object = load();
      const program = object.program('answer');
      const frame = new Uint8Array(60);
      object.close();
      object.close();
      for (const act of [
        () => object.map('shared'),
        () => object.mapInfo('shared'),
        () => object.lookup('table', bytes(1), bytes(1, 8)),
        () => object.program('answer'),
        () => object.programId(program),
        () => object.runXdp(program, frame, 60, frame, 0),
        () => object.onEvents('events', () => {}),
        () => object.attachXdp(program, 1, 'generic', null),
      ]) {
        expect(thrownBy(act).code).toBe('EBADF');
      }
    });

    test('memory that is still held stays readable', () => {
      const object = load();
      const values = new Uint32Array(object.map('shared'));
      values[0] = 5;
      object.close();
      expect(values[0]).toBe(5);
    });
  });

  test('ticks of the kernel are one of the numbers that it can be built with', () => {
    expect([100, 250, 300, 1000]).toContain(addon.ticksPerSecond());
  });
});

/** bpf-child.ts in a namespace, and in a mount namespace of its own, so that what it mounts goes with it. */
class Child {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #calls = 0;

  constructor(namespace: Namespace) {
    const node = [process.execPath, '--import', 'tsx', here('bpf-child.ts')];
    const args = ['--mount', 'prlimit', '--memlock=65536:65536', ...node];
    const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const;
    this.#process = namespace.spawn('unshare', args, { stdio: [...stdio], serialization: 'advanced' });
    this.#process.on('message', (answer: Answer) => this.#waiting.get(answer.id)?.(answer));
  }

  /** What the call returned and, in `args`, what it wrote. An error comes as rejection. */
  async call(object: number, method: string, ...args: unknown[]): Promise<Answer> {
    const id = ++this.#calls;
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#process.send({ id, object, method, args } satisfies Call);
    });
    if (answer.error !== undefined) throw Object.assign(new Error(answer.error.message), answer.error);
    return answer;
  }

  /** As call(), for its value alone. */
  async get<T = unknown>(object: number, method: string, ...args: unknown[]): Promise<T> {
    return (await this.call(object, method, ...args)).value as T;
  }

  async end(): Promise<void> {
    this.#process.disconnect();
    if (this.#process.exitCode === null) await once(this.#process, 'exit');
  }
}

describeWithBpf('a BPF program on an interface', ['tc', 'unshare', 'prlimit'], () => {
  const hosts = namespaces();
  let director: Namespace;
  let peer: Namespace;
  let child: Child;
  let ifindex: number;
  /** A bpf file system, in the child's mount namespace alone. */
  const pins = `/run/bpf-object-${process.pid}`;

  afterAll(() => rmSync(pins, { recursive: true }));

  beforeAll(async () => {
    mkdirSync(pins);
    await Promise.all([compile('sample', sample), compile('refused', refused)]);
  });

  beforeEach(async () => {
    director = await hosts.create('d');
    peer = await hosts.create('s');
    await connect(director, 'd0', peer, 's0');
    await director.must('ip', ['link', 'set', 'd0', 'up']);
    await peer.must('ip', ['link', 'set', 's0', 'up']);
    const [link] = await director.json<{ ifindex: number }[]>('ip', ['-json', 'link', 'show', 'd0']);
    ifindex = link!.ifindex;
    child = new Child(director);
  });

  afterEach(async () => {
    await child.end();
    await hosts.destroyAll();
  });

  const load = (options: Partial<BpfLoadOptions> = {}) =>
    child.get<number>(0, 'load', sample, { ...ASIS, ...options });
  const program = (object: number, name: string) => child.get<number>(object, 'program', name);
  const idOf = async (object: number, name: string) =>
    child.get<number>(object, 'programId', await program(object, name));
  const onInterface = () => child.get(0, 'queryXdp', ifindex);

  describe('XDP', () => {
    for (const mode of ['native', 'generic'] as const) {
      test(`${mode}: is there until the object is closed, and sees frames`, async () => {
        const object = await load();
        expect(await onInterface()).toBe(null);
        await child.call(object, 'attachXdp', await program(object, 'answer'), ifindex, mode, null);
        expect(await onInterface()).toEqual({ id: await idOf(object, 'answer'), name: 'answer', mode });
        await peer.must('ip', ['link', 'set', 's0', 'arp', 'off']);
        await peer.must('ip', ['addr', 'add', '198.18.0.2/24', 'dev', 's0']);
        await peer.run('ping', ['-c1', '-W1', '198.18.0.1']);
        expect(numbers(await child.get<Uint8Array>(object, 'read', 'shared'))[0]).toBeGreaterThan(0);
        await child.call(object, 'close');
        expect(await onInterface()).toBe(null);
      });
    }

    test('a program that is there is not replaced unasked', async () => {
      const object = await load();
      const answer = await program(object, 'answer');
      await child.call(object, 'attachXdp', answer, ifindex, 'native', null);
      const again = (mode: string) => child.call(object, 'attachXdp', answer, ifindex, mode, null);
      await expect(again('native')).rejects.toMatchObject({ code: 'EBUSY', syscall: 'BPF_LINK_CREATE' });
      await expect(again('generic')).rejects.toMatchObject({ code: 'EEXIST' });
    });

    test('nor one that another tool put there', async () => {
      await director.must('ip', ['link', 'set', 'd0', 'xdpgeneric', 'obj', sample, 'sec', 'xdp']);
      const object = await load();
      const attached = child.call(
        object,
        'attachXdp',
        await program(object, 'answer'),
        ifindex,
        'generic',
        null,
      );
      await expect(attached).rejects.toMatchObject({ code: 'EBUSY' });
    });

    test('what the driver cannot is told, and an interface that is not there', async () => {
      const object = await load();
      const attach = async (index: number) =>
        child.call(object, 'attachXdp', await program(object, 'answer'), index, 'native', null);
      await expect(attach(LOOPBACK)).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
      await expect(attach(12345)).rejects.toMatchObject({ code: 'EINVAL' });
    });
  });

  describe('pinned', () => {
    const link = join(pins, 'link');
    const pinned = { maxEntries: { shared: 10 }, pinFolder: pins };

    beforeEach(async () => {
      expect(await child.get(0, 'isBpfFileSystem', pins)).toBe(false);
      await child.call(0, 'mountBpf', pins);
    });

    test('is a file system that other processes do not see here', async () => {
      expect(await child.get(0, 'isBpfFileSystem', pins)).toBe(true);
      expect(await child.get(0, 'isBpfFileSystem', join(pins, 'nothing'))).toBe(false);
      expect(loadBpfAddon().isBpfFileSystem(pins)).toBe(false);
    });

    test('maps and program go on without the object; the next one takes them over', async () => {
      const first = await load(pinned);
      await child.call(first, 'attachXdp', await program(first, 'answer'), ifindex, 'native', link);
      await child.call(first, 'update', 'table', bytes(1), bytes(77, 8));
      const maps = ['shared', 'table', 'per_cpu', 'devices', 'recent', 'events'];
      const infosOf = (object: number) =>
        Promise.all(maps.map((map) => child.get<{ id: number }>(object, 'mapInfo', map)));
      const oldMaps = await infosOf(first);
      const oldProgram = await idOf(first, 'answer');
      await child.call(first, 'close');
      expect(await onInterface()).toMatchObject({ id: oldProgram });
      expect(await child.get(0, 'queryLink', link)).toEqual({ ifindex, programId: oldProgram });

      const second = await load(pinned);
      expect(await infosOf(second)).toEqual(oldMaps);
      const { args } = await child.call(second, 'lookup', 'table', bytes(1), new Uint8Array(8));
      expect(numbers(args![2] as Uint8Array)).toEqual([77, 0]);
      await child.call(second, 'replaceXdp', await program(second, 'shorten'), link);
      expect(await onInterface()).toMatchObject({ id: await idOf(second, 'shorten'), name: 'shorten' });
      expect(await child.get(0, 'queryLink', link)).toEqual({
        ifindex,
        programId: await idOf(second, 'shorten'),
      });
    });

    test.each([
      ['an array', 'shared', 11],
      ['a hash', 'table', 9],
      ['a map of devices', 'devices', 3],
    ])('%s of another size is not taken over', async (_what, map, entries) => {
      await load(pinned);
      const other = load({ ...pinned, maxEntries: { ...pinned.maxEntries, [map]: entries } });
      await expect(other).rejects.toMatchObject({ code: 'EINVAL' });
    });

    test('a load that fails leaves no pins of its own', async () => {
      const failing = child.call(0, 'load', refused, { ...ASIS, pinFolder: pins });
      await expect(failing).rejects.toMatchObject({ code: 'EACCES' });
      const object = await load();
      // The path is free: a link can be pinned where the map would be.
      const path = join(pins, 'refused_map');
      await child.call(object, 'attachXdp', await program(object, 'answer'), ifindex, 'native', path);
    });

    test('a folder of another file system', async () => {
      const elsewhere = load({ pinFolder: folder });
      await expect(elsewhere).rejects.toMatchObject({ code: 'EINVAL' });
    });

    test('a path that is taken: nothing is attached', async () => {
      const object = await load(pinned);
      const path = join(pins, 'shared');
      const attached = child.call(
        object,
        'attachXdp',
        await program(object, 'answer'),
        ifindex,
        'native',
        path,
      );
      await expect(attached).rejects.toMatchObject({ code: 'EEXIST', syscall: 'BPF_OBJ_PIN' });
      expect(await onInterface()).toBe(null);
    });

    test('a link that is not there', async () => {
      const object = await load();
      expect(await child.get(0, 'queryLink', link)).toBe(null);
      const replaced = child.call(object, 'replaceXdp', await program(object, 'answer'), link);
      await expect(replaced).rejects.toMatchObject({ code: 'ENOENT', syscall: 'BPF_OBJ_GET' });
    });

    test('a pin that is no link', async () => {
      await load(pinned);
      await expect(child.get(0, 'queryLink', join(pins, 'table'))).rejects.toMatchObject({ code: 'EINVAL' });
    });

    test('a link whose interface is gone is defunct', async () => {
      const object = await load();
      await child.call(object, 'attachXdp', await program(object, 'answer'), ifindex, 'native', link);
      await director.must('ip', ['link', 'del', 'd0']);
      expect(await child.get(0, 'queryLink', link)).toMatchObject({ ifindex: 0 });
      const replaced = child.call(object, 'replaceXdp', await program(object, 'shorten'), link);
      await expect(replaced).rejects.toMatchObject({ code: 'ENOLINK', syscall: 'BPF_LINK_UPDATE' });
    });
  });

  describe('tc', () => {
    const HANDLE = 0xd1;
    const PRIORITY = 49;
    const filters = (direction: string) => director.must('tc', ['filter', 'show', 'dev', 'd0', direction]);
    const qdiscs = () => director.must('tc', ['qdisc', 'show', 'dev', 'd0']);
    const detach = () => child.call(0, 'detachTcEgress', ifindex, HANDLE, PRIORITY);
    const attach = async (object: number) =>
      child.call(object, 'attachTcEgress', await program(object, 'leaving'), ifindex, HANDLE, PRIORITY);

    test('sees what leaves, is replaced in place, and goes with its qdisc', async () => {
      const first = await load();
      await attach(first);
      expect(await filters('egress')).toContain('pref 49 bpf');
      await director.must('ip', ['addr', 'add', '198.18.0.1/24', 'dev', 'd0']);
      await director.run('ping', ['-c1', '-W1', '198.18.0.2']); // an ARP request at least
      expect(numbers(await child.get<Uint8Array>(first, 'read', 'shared'))[4]).toBeGreaterThan(0);

      const second = await load();
      await attach(second);
      await child.call(first, 'close');
      const shown = await filters('egress');
      expect(shown.match(/handle 0xd1/g)).toHaveLength(1);
      expect(shown).toContain(`id ${await idOf(second, 'leaving')} `);

      await detach();
      expect(await qdiscs()).not.toContain('clsact');
      await detach();
    });

    for (const direction of ['ingress', 'egress']) {
      test(`another filter for ${direction} keeps the qdisc`, async () => {
        await attach(await load());
        const filter = [
          'filter',
          'add',
          'dev',
          'd0',
          direction,
          'prio',
          '7',
          'bpf',
          'obj',
          sample,
          'sec',
          'tc',
        ];
        await director.must('tc', filter);
        await detach();
        expect(await qdiscs()).toContain('clsact');
        expect(await filters(direction)).toContain('pref 7 ');
        expect(await filters('egress')).not.toContain('pref 49 ');
      });
    }

    test("somebody else's clsact is left alone while the filter is not there", async () => {
      await director.must('tc', ['qdisc', 'add', 'dev', 'd0', 'clsact']);
      await detach();
      expect(await qdiscs()).toContain('clsact');
    });

    test('a program of another type leaves no qdisc behind', async () => {
      const object = await load();
      const args = [await program(object, 'answer'), ifindex, HANDLE, PRIORITY];
      await expect(child.call(object, 'attachTcEgress', ...args)).rejects.toMatchObject({ code: 'EINVAL' });
      expect(await qdiscs()).not.toContain('clsact');
    });

    test('without the interface', async () => {
      const object = await load();
      await director.must('ip', ['link', 'del', 'd0']);
      await detach();
      await expect(attach(object)).rejects.toMatchObject({ code: 'ENODEV', syscall: 'bpf_tc_hook_create' });
    });
  });
});
