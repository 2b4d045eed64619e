import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mirrorOf, mirroredUid, staticPodOf, StaticPods } from './static-pods.ts';

const manifest = (annotation = ''): string =>
  [
    'apiVersion: v1',
    'kind: Pod',
    'metadata:',
    '  name: etcd',
    '  namespace: kube-system',
    ...(annotation === '' ? [] : [`  annotations: {restarted-at: "${annotation}"}`]),
    'spec:',
    '  containers: [{name: etcd, image: etcd}]',
    '',
  ].join('\n');

const uid = (text: string) => staticPodOf(text, 'n1')?.metadata?.uid;
const names = (pods: StaticPods): string[] =>
  [...pods.read().values()].map((pod) => pod.metadata?.name ?? '');

describe('a static Pod', () => {
  it('is another when an annotation is, and the same when nothing but its time is', () => {
    expect(uid(manifest())).toBe(uid(manifest()));
    expect(uid(manifest('1'))).not.toBe(uid(manifest()));
    expect(uid(manifest())).not.toBe(staticPodOf(manifest(), 'n2')?.metadata?.uid);
  });

  it('is shown by a mirror that its Node owns', () => {
    const pod = staticPodOf(manifest(), 'n1');
    const mirror = mirrorOf(pod ?? {}, { name: 'n1', uid: 'node-uid' });
    expect(mirror.metadata).toMatchObject({
      name: 'etcd-n1',
      ownerReferences: [{ kind: 'Node', uid: 'node-uid' }],
    });
    expect(mirroredUid(mirror)).toBe(pod?.metadata?.uid);
    expect(mirror.metadata).not.toHaveProperty('uid');
  });
});

describe('a directory of manifests', () => {
  let directory: string;
  beforeEach(() => {
    directory = fs.mkdtempSync(join(tmpdir(), 'manifests-'));
  });
  afterEach(() => fs.rmSync(directory, { recursive: true }));

  it('leaves out hidden files and what is no Pod, and sees what comes and goes', () => {
    const pods = new StaticPods(directory, 'n1');
    fs.writeFileSync(join(directory, 'etcd.yaml'), manifest());
    fs.writeFileSync(join(directory, '.etcd.yaml.swp'), manifest('hidden'));
    fs.writeFileSync(join(directory, 'notes.txt'), 'nothing');
    expect(names(pods)).toEqual(['etcd-n1']);
    fs.rmSync(join(directory, 'etcd.yaml'));
    expect(names(pods)).toEqual([]);
  });

  it('takes the last name of two files with the same Pod', () => {
    const pods = new StaticPods(directory, 'n1');
    fs.writeFileSync(join(directory, 'a.yaml'), manifest('a'));
    fs.writeFileSync(join(directory, 'b.yaml'), manifest('b'));
    expect([...pods.read().values()].map((pod) => pod.metadata?.annotations?.['restarted-at'])).toEqual([
      'b',
    ]);
  });
});
