import process from 'node:process';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Ran } from './process.ts';
import { commands, helpText, runPlugin } from './program.ts';
import { createKubectl } from './kubectl.ts';
import { resources } from '../kube/resources.ts';

let out = '';
let err = '';
let asked: (readonly string[])[] = [];
beforeEach(() => {
  [out, err, asked] = ['', '', []];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += String(text)), true));
});
afterEach(() => void vi.restoreAllMocks());

/** What kubectl answers to everything. */
const answering = (answer: Partial<Ran>) => ({
  run: async (words: readonly string[]) => {
    asked.push(words);
    return { code: 1, stdout: '', stderr: '', ...answer };
  },
  env: {},
  now: () => new Date(),
  ask: undefined,
  signal: new AbortController().signal,
});

describe('words', () => {
  it.each([
    [[], /kubectl certrot status/],
    [['stats'], /"stats" is no command: there are status, plan/],
    [['--json', 'status'], /the command comes first: kubectl certrot status --json/],
    [['status', 'w1'], /too many arguments/],
    [['status', '--jsn'], /unknown option '--jsn'/],
    [['status', '--lang', 'fr'], /Allowed choices are en, zh/],
    [['explain'], /missing required argument 'NODE'/],
    [['explain', '../secrets/x'], /is no name of a node/],
    [['explain', 'w1\u001B[31m'], /"w1\\u001b\[31m" is no name of a node/],
    [['pause', '-n', 'x', 'W1'], /"W1" is no name of a node/],
    [['pause', ''], /"" is no name of a node/],
    [['explain', 'n'.repeat(254)], /is no name of a node/],
    [['rotate', 'w1'], /nobody is there to be asked: give --yes/],
    [['support-bundle', '-o', ''], /must not be empty/],
  ])('%j are refused, and nothing is asked of the cluster', async (words, why) => {
    expect(await runPlugin(words, answering({}))).toBe(2);
    expect(err).toMatch(why);
    expect(out).toBe('');
    expect(asked).toEqual([]);
    // oxlint-disable-next-line no-control-regex -- that is what must not be there
    expect(err).not.toMatch(/\u001B/);
  });

  it.each(Object.keys(commands))('%s has a help of one screen', async (name) => {
    expect(await runPlugin([name, '--help'], answering({}))).toBe(0);
    expect(out).toContain(`Usage: kubectl certrot ${name}`);
    expect(out.split('\n').length).toBeLessThan(30);
    expect(asked).toEqual([]);
  });

  it('all of them are in the help, which fits a screen', async () => {
    expect(await runPlugin(['--help'], answering({}))).toBe(0);
    expect(out).toBe(helpText());
    expect(out.split('\n').length).toBeLessThan(30);
  });
});

describe('what kubectl says', () => {
  it.each([
    [
      'Error from server (Forbidden): nodes is forbidden: User "x" cannot list resource "nodes"',
      1,
      'you may not: nodes is',
    ],
    ['error: You must be logged in to the server (Unauthorized)', 1, 'does not accept your credentials'],
    [
      'E1128 1:2 memcache.go:265] "x"\nUnable to connect to the server: dial tcp: i/o timeout',
      1,
      'does not answer: Unable',
    ],
    ['Error from server (ServiceUnavailable): the server is starting', 1, 'answers ServiceUnavailable'],
    ['error: context "x" does not exist', 2, 'kubectl: context "x" does not exist'],
    ['', 2, 'it ended without a word'],
    ['Error from server (Forbidden): \u001B[2Jno', 1, 'you may not: [2Jno'],
  ])('%j becomes one line', async (stderr, code, text) => {
    expect(await runPlugin(['status'], answering({ stderr }))).toBe(code);
    expect(err.split('\n')).toHaveLength(2);
    expect(err).toContain(text);
    // oxlint-disable-next-line no-control-regex -- that is what must not be there
    expect(err).not.toMatch(/\u001B/);
  });

  it('is asked with the flags of the call, each as one word', async () => {
    const { run } = answering({ code: 0, stdout: '{"metadata":{},"items":null}' });
    const flags = { context: '--kubeconfig', as: 'me', asGroup: ['a', 'b'] };
    expect(await createKubectl(run, flags).list(resources.nodes)).toEqual([]);
    expect(asked[0]).toEqual([
      'get',
      '--raw',
      '/api/v1/nodes?limit=500',
      '--request-timeout=60s',
      '--context=--kubeconfig',
      '--as=me',
      '--as-group=a',
      '--as-group=b',
    ]);
  });

  it('is asked for every page', async () => {
    const pages = ['{"metadata":{"continue":"c/1"},"items":[1]}', '{"metadata":{"continue":""},"items":[2]}'];
    const run = async (words: readonly string[]): Promise<Ran> => {
      asked.push(words);
      return { code: 0, stdout: pages[asked.length - 1] ?? '', stderr: '' };
    };
    expect(await createKubectl(run, {}).list(resources.nodes)).toEqual([1, 2]);
    expect(asked[1]?.[2]).toBe('/api/v1/nodes?limit=500&continue=c%2F1');
  });
});
