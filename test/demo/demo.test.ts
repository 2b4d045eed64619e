// `make demo` as whoever tries the product runs it: what it prints last, what it proves, and that it leaves nothing.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { median, processorSeconds, startsOfNode } from './processor-time.ts';

const root = resolve(import.meta.dirname, '../..');

interface Tally {
  readonly rotations: number;
  readonly verified: number;
  readonly rolledBack: number;
  readonly violations: number;
  readonly nodes: number;
}

interface Run {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Seconds of processor time up to what is the other nodes' own. */
  readonly spent: () => number;
  readonly ended: Promise<number>;
}

/**
 * The aim is five on two processors that are idle, as those of a test run seldom are: what is
 * held to here is that nobody waits for the other nodes, a lease or a tick of the loop. The figure itself is printed.
 */
const firstVerifiedMost = 30;
/**
 * What the five seconds are made of: processor time up to there, as many times what Node needs to start just then, which
 * nobody else's work changes much. On two processors with a load of 6 to 16 it was 165 to 255, and 450 to 540 with all nodes
 * from the start.
 */
const nodeStartsMost = 400;
/** From `make demo` being typed in a fresh clone: what npm installs and what is built is in it. */
const fromCloneMost = 90;

/** What a small Linux has beside Node and npm: coreutils, util-linux, git, make. No go, no kubectl. */
const smallLinux =
  'node npm git make sh bash env find grep sed awk xargs cat chmod chown chroot cp cut date dirname basename echo head hostname id ln ls mkdir mktemp mount mv nproc printf ps pwd readlink realpath rm rmdir sleep sort stat tail test touch tr true umount uname uniq unshare wc which';

let run: Run | undefined;

beforeAll(() => {
  execFileSync('make', ['dist/demo/demo.mjs'], { cwd: root, stdio: 'inherit' });
});

afterEach(async () => {
  run?.child.kill('SIGTERM');
  await run?.ended;
  run = undefined;
});

const isRoot = process.getuid?.() === 0;
const nobody = 65_534;

function start(environment: Readonly<Record<string, string>>, cwd = root): Run {
  // As a user without rights where we may become one: the demo needs none.
  const child = spawn('make', ['demo'], {
    cwd,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
    ...(isRoot && isReadable(cwd) ? { uid: nobody, gid: nobody } : {}),
  });
  let text = '';
  let spent = Number.NaN;
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    if (Number.isNaN(spent) && othersJoin.test(text)) spent = processorSeconds(child.pid ?? 0) ?? Number.NaN;
  });
  const ended = new Promise<number>((resolve) => {
    child.once('close', (code) => resolve(code ?? 1));
  });
  run = { child, output: () => text, spent: () => spent, ended };
  return run;
}

/** They do when one rotation is verified, or after a while. */
const othersJoin = /the first rotation is verified|more nodes join/;

/** Whether anybody may read it, all directories above included. */
function isReadable(path: string): boolean {
  const isOpen = (fs.statSync(path).mode & 0o005) === 0o005;
  return isOpen && (path === '/' || isReadable(resolve(path, '..')));
}

/** The commit that is checked out, as a user clones it, and what that user has: a home without a cache, a short PATH. */
function freshClone(): { clone: string; environment: Record<string, string> } {
  const directory = fs.mkdtempSync(join(tmpdir(), 'fresh-clone-'));
  onTestFinished(() => fs.rmSync(directory, { recursive: true, force: true }));
  fs.chmodSync(directory, 0o755);
  const clone = join(directory, 'clone');
  const home = join(directory, 'home');
  const bin = join(directory, 'bin');
  // Another user's checkout is one all the same: CI tests as root. By file://, no file is shared with it.
  const upload = ['--upload-pack', "git -c safe.directory='*' upload-pack"];
  execFileSync('git', ['clone', '--quiet', ...upload, `file://${root}`, clone], { stdio: 'inherit' });
  for (const each of [home, bin]) fs.mkdirSync(each);
  const places = (process.env['PATH'] ?? '').split(':').filter((place) => !place.includes('node_modules'));
  for (const name of smallLinux.split(' ')) {
    const found = places.map((place) => join(place, name)).find((file) => fs.existsSync(file));
    if (found !== undefined) fs.symlinkSync(found, join(bin, name));
  }
  if (isRoot) execFileSync('chown', ['-hR', `${nobody}:${nobody}`, clone, home]);
  // Where packages come from is the machine's, not the user's.
  const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
  return { clone, environment: { HOME: home, PATH: bin, npm_config_registry: registry } };
}

function tallyOf(output: string): Tally {
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  const tally: Tally = JSON.parse(last);
  return tally;
}

/** Seconds, as the terminal says when every certificate of one rotation had been seen in use. */
function firstVerified(output: string): number {
  const [, seconds] = /^ *([\d.]+) s .*the first rotation is verified: every certificate/m.exec(output) ?? [];
  return Number(seconds);
}

/** Processes and directories that are a demo's. */
function traces(): string[] {
  const directories = fs.readdirSync(tmpdir()).filter((name) => name.startsWith('cert-demo-'));
  const processes = fs.readdirSync('/proc').flatMap((pid) => {
    try {
      const words = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return /\/opt\/sim\/|cert-demo-|demo\.mjs/.test(words) ? [words.slice(0, 100)] : [];
    } catch {
      return [];
    }
  });
  return [...directories.map((name) => join(tmpdir(), name)), ...processes];
}

const isDirectory = (trace: string): boolean => trace.startsWith(tmpdir());

async function until(what: string, holds: () => boolean, seconds = 240): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!holds()) {
    if (Date.now() > end)
      throw new Error(`${what} has not come within ${seconds} s:\n${run?.output().slice(-3000)}`);
    await wait(200);
  }
}

/** The dashboard, as the terminal says where it is; without a token. */
async function pageOf(output: () => string): Promise<string> {
  await until('the page', () => output().includes('the page is at http://127.0.0.1:'));
  return /http:\/\/127\.0\.0\.1:\d+/.exec(output())?.[0] ?? '';
}

interface History {
  readonly rotations: readonly {
    readonly phase: string;
    readonly node: string;
    readonly certificates: readonly { readonly newSerial?: string; readonly proof?: string }[];
  }[];
}

/** The first version that the page is told of. */
async function firstEvent(url: string): Promise<string> {
  const { body } = await fetch(`${url}/api/v1/stream`);
  const reader = body?.getReader();
  const read = await reader?.read();
  await reader?.cancel();
  return Buffer.from(read?.value ?? []).toString();
}

async function succeeded(url: string): Promise<History['rotations']> {
  for (;;) {
    const response = await fetch(`${url}/api/v1/history`);
    if (response.status === 200) {
      const { rotations }: History = JSON.parse(await response.text());
      const found = rotations.filter(({ phase }) => phase === 'Succeeded');
      if (found.length > 0) return found;
    }
    await wait(300);
  }
}

describe('make demo', () => {
  it('proves rotations in a minute, says so in its last line, and leaves nothing', async () => {
    expect(traces()).toEqual([]);
    const starts = startsOfNode();
    const { ended, output, spent } = start({ DEMO_SECONDS: '60' });
    const url = await pageOf(output);
    expect(await (await fetch(url)).text()).toContain('<title>cluster-cert-rotator</title>');
    const [first] = await succeeded(url);
    expect(first?.certificates.map(({ newSerial }) => newSerial)).toEqual([
      expect.stringMatching(/^[0-9a-f]+$/),
      expect.stringMatching(/^[0-9a-f]+$/),
    ]);
    expect(await firstEvent(url)).toContain('data:');
    expect((await fetch(`${url}/api/v1/me`)).status).toBe(401);
    const token = /the token in (\S+)\)/.exec(output())?.[1] ?? '';
    const headers = { authorization: `Bearer ${fs.readFileSync(token, 'utf8').trim()}` };
    expect(await (await fetch(`${url}/api/v1/me`, { headers })).text()).toContain('kube-system:demo');
    expect(await ended, output()).toBe(0);
    const tally = tallyOf(output());
    expect(tally).toMatchObject({ violations: 0, nodes: 8 });
    expect(tally.rotations).toBeGreaterThan(0);
    expect(tally.verified).toBeGreaterThanOrEqual(20);
    expect(Object.keys(tally)).toEqual(['rotations', 'verified', 'rolledBack', 'violations', 'nodes']);
    const seconds = firstVerified(output());
    const nodeStarts = Math.round(spent() / median([...starts, ...startsOfNode()]));
    process.stdout.write(
      `the first rotation is verified after ${seconds} s; up to there, or to where others join, ${spent().toFixed(1)} s of processor time, ${nodeStarts} starts of Node\n`,
    );
    expect(seconds).toBeLessThan(firstVerifiedMost);
    expect(nodeStarts).toBeLessThan(nodeStartsMost);
    expect(output()).toContain('Three things to try');
    expect(output()).toMatch(/seen live/);
    expect(traces()).toEqual([]);
  });

  it('begins in a fresh clone, with nothing but Node, npm and what every Linux has', async () => {
    const { clone, environment } = freshClone();
    const typedAt = performance.now();
    const { ended, output } = start({ DEMO_SECONDS: '30', ...environment }, clone);
    await until('the first rotation', () => Number.isFinite(firstVerified(output())), fromCloneMost);
    const seconds = Math.round((performance.now() - typedAt) / 1000);
    process.stdout.write(`from a fresh clone, the first rotation is verified after ${seconds} s\n`);
    expect(seconds).toBeLessThanOrEqual(fromCloneMost);
    expect(await ended, output()).toBe(0);
    expect(tallyOf(output())).toMatchObject({ violations: 0, nodes: 8 });
    expect(traces()).toEqual([]);
  });

  it('rolls an API server back that does not come back', async () => {
    const { ended, output } = start({ DEMO_SECONDS: '60', DEMO_FAULTS: '1' });
    expect(await ended, output()).toBe(0);
    expect(tallyOf(output())).toMatchObject({ violations: 0 });
    expect(tallyOf(output()).rolledBack).toBeGreaterThan(0);
    expect(traces()).toEqual([]);
  });

  it('plays every fault in its turn, tells it, and heals it', async () => {
    const { child, ended, output } = start({ DEMO_FAULTS: '1' });
    const url = await pageOf(output);
    await until('the gate', () => output().includes('the gate is shut: waits: EtcdUnsafe'));
    const { plan }: { plan: { gates: { gate: string }[] }[] } = JSON.parse(
      await (await fetch(`${url}/api/v1/plan`)).text(),
    );
    expect(JSON.stringify(plan)).toContain('EtcdUnsafe');
    await until('the last fault', () => output().includes('stands by when it is back'), 480);
    process.kill(-(child.pid ?? 0), 'SIGINT');
    await ended;
    expect(tallyOf(output())).toMatchObject({ violations: 0 });
    expect(output()).not.toContain('could not be played');
    const told = [
      /n3 {2}ROLLED BACK/,
      /w5 {2}NEEDS A PERSON[^]*cert-renew\s+--ca-cert/,
      /w5 is mended by a person/,
      /no API server answers/,
      // None, as long as the one that comes back first is not Ready yet.
      /the gate is shut: waits: EtcdUnsafe: etcd would have [01] of 3 members, 2 are needed/,
      /The dashboard: Replace the CA front-proxy now/,
      /the dashboard: no CA is about to end any more/,
      /controller-\d leads; cluster-cert-rotator-controller-\d stands by/,
    ];
    const at = told.map((words) => output().search(words));
    expect(
      told.filter((_, i) => at[i] === -1),
      output(),
    ).toEqual([]);
    expect(at).toEqual(at.toSorted((a, b) => a - b));
    expect(traces()).toEqual([]);
  }, 900_000);

  it('leaves nothing behind after Ctrl-C, and ends with its line all the same', async () => {
    const { child, ended, output } = start({});
    const url = await pageOf(output);
    expect(await (await fetch(url)).text()).toContain('<title>cluster-cert-rotator</title>');
    // A terminal's Ctrl-C goes to the whole group.
    process.kill(-(child.pid ?? 0), 'SIGINT');
    await ended;
    expect(tallyOf(output())).toMatchObject({ nodes: 8 });
    expect(traces()).toEqual([]);
  });

  it('leaves nothing behind when it is killed', async () => {
    const { child, ended, output } = start({});
    await until('the page', () => output().includes('the page is at'));
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await ended;
    // Its directory stays: there is nobody left to take it away.
    await until('the end of all nodes', () => traces().every(isDirectory), 30);
    expect(traces()).toHaveLength(1);
    for (const directory of traces()) fs.rmSync(directory, { recursive: true });
  });
});
