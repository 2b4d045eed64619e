// On the node itself the kernel follows links, in a Pod we do: both must see the same node.
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import type { Files } from './files.ts';
import { nodeFiles } from './node-files.ts';

let root = '';
beforeAll(() => {
  // Without links above it: what is compared are those below.
  root = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'node-files-'));
  fs.mkdirSync(join(root, 'pki/etcd'), { recursive: true });
  fs.writeFileSync(join(root, 'pki/ca.crt'), 'ca');
  fs.writeFileSync(join(root, 'pki/etcd/server.crt'), 'server');
  for (const [name, target] of Object.entries({
    beside: 'pki/ca.crt',
    directory: 'pki',
    slash: 'pki/',
    up: 'pki/etcd/../ca.crt',
    dangling: 'nowhere',
    'through-file': 'pki/ca.crt/x',
    loop: 'loop',
    ping: 'pong',
    pong: 'ping',
  }))
    fs.symlinkSync(target, join(root, name));
  for (let i = 0, target = 'pki/ca.crt'; i < 45; i++) {
    fs.symlinkSync(target, join(root, `chain${i}`));
    target = `chain${i}`;
  }
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

const paths =
  'pki pki/ pki/. pki/.. pki//ca.crt pki/./ca.crt pki/etcd/../ca.crt pki/ca.crt beside directory directory/ca.crt slash/etcd/server.crt up chain38 chain44 dangling dangling/x through-file pki/ca.crt/x loop loop/x ping nowhere/x '.split(
    ' ',
  );

const asked: Readonly<Record<string, (files: Files, path: string) => unknown>> = {
  lstat: (files, path) => files.lstat(path),
  stat: (files, path) => files.stat(path),
  read: (files, path) => Buffer.from(files.read(path)).toString(),
  readlink: (files, path) => files.readlink(path),
  readdir: (files, path) => files.readdir(path),
  realpath: (files, path) => files.realpath(path),
};

/** The answer, or the code of the refusal. */
function answerOf(ask: () => unknown): unknown {
  try {
    return ask();
  } catch (error) {
    return error instanceof CertError ? error.code : error;
  }
}

describe.each(Object.entries(asked))('%s', (name, ask) => {
  it.each(paths)('sees the same on the node and in a Pod: %j', (path) => {
    const onNode = answerOf(() => ask(nodeFiles('/'), `${root}/${path}`));
    const inPod = answerOf(() => ask(nodeFiles(root), `/${path}`));
    expect(onNode).toEqual(
      name === 'realpath' && isPath(inPod) ? `${root}${inPod}`.replace(/\/$/, '') : inPod,
    );
  });
});

const isPath = (value: unknown): value is string => typeof value === 'string' && value.startsWith('/');

it('has one answer for what only the words of a path would find', () => {
  fs.symlinkSync('nowhere/../pki/ca.crt', join(root, 'words'));
  const files = nodeFiles('/');
  expect(files.stat(join(root, 'words'))).toBeUndefined();
  expect(() => files.realpath(join(root, 'words'))).toThrow(expect.objectContaining({ code: 'NotFound' }));
});
