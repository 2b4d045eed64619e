// The judges of the end-to-end cases must be able to say no.
import { describe, expect, test } from 'vitest';
import { writes, type AuditEvent } from '../e2e/lib/audit.ts';
import { isAllowed, type Secret } from '../e2e/lib/canary.ts';
import { changedFields } from '../e2e/lib/json.ts';
import type { KubeObject } from '../e2e/lib/kubectl.ts';
import { clusterNoise, difference, tell, unexpected, type World } from '../e2e/lib/world.ts';

const object = (fields: object): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'etcd-n1', uid: '1', resourceVersion: '7', generation: 1 },
  ...fields,
});
const world = (files: Record<string, string>, objects: Record<string, KubeObject> = {}): World => ({
  at: new Date(0),
  files: new Map(Object.entries(files)),
  objects: new Map(Object.entries(objects)),
});

describe('the judge of the world’s difference', () => {
  test.each([
    ['nothing', {}, {}, ''],
    ['a new file', {}, { 'n1:/etc/kubernetes/x': '0600 0:0 file aa' }, 'added n1:/etc/kubernetes/x'],
    ['a file that is gone', { 'n1:/a': '0600 0:0 file aa' }, {}, 'removed n1:/a'],
    [
      'a mode',
      { 'n1:/a': '0600 0:0 file aa' },
      { 'n1:/a': '0644 0:0 file aa' },
      'changed n1:/a\n    was 0600 0:0 file aa\n    is 0644 0:0 file aa',
    ],
    [
      'a link’s target',
      { 'n1:/a': 'link → b' },
      { 'n1:/a': 'link → c' },
      'changed n1:/a\n    was link → b\n    is link → c',
    ],
  ])('sees %s', (_, before, after, told) => {
    expect(tell(difference(world(before), world(after)))).toBe(told);
  });

  const pod = 'api:pods/kube-system/etcd-n1';
  test.each([
    ['allows the status of a static Pod', pod, object({ status: { phase: 'Running' } }), true],
    ['refuses the spec of a static Pod', pod, object({ spec: { nodeName: 'w1' } }), false],
    ['refuses status and spec together', pod, object({ status: { phase: 'x' }, spec: { a: 1 } }), false],
    [
      'refuses the status of somebody’s Pod',
      'api:pods/default/etcd-n1',
      object({ status: { phase: 'x' } }),
      false,
    ],
  ])('%s', (_, what, after, allowed) => {
    const changes = difference(world({}, { [what]: object({}) }), world({}, { [what]: after }));
    expect(changes).toHaveLength(1);
    expect(unexpected(changes, clusterNoise).length === 0).toBe(allowed);
  });

  test('does not count what the API server counts', () => {
    const counted = {
      ...object({}),
      metadata: { name: 'etcd-n1', uid: '1', resourceVersion: '8', generation: 2 },
    };
    expect(difference(world({}, { [pod]: object({}) }), world({}, { [pod]: counted }))).toEqual([]);
  });

  test('a new object is no noise because its kind’s changes are', () => {
    const changes = difference(world({}), world({}, { 'api:nodes/-/w9': object({}) }));
    expect(unexpected(changes, clusterNoise)).toEqual(changes);
  });
});

test.each([
  ['equal values', { a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, []],
  ['a leaf', { a: { b: 1, c: 2 } }, { a: { b: 1, c: 3 } }, ['a.c']],
  ['a field that came', { a: {} }, { a: { b: 1 } }, ['a.b']],
  ['a longer list', { a: [1] }, { a: [1, 2] }, ['a.1']],
  ['another type', { a: [1] }, { a: { 0: 1 } }, ['a']],
])('differing fields: %s', (_, before, after, fields) => {
  expect(changedFields(before, after)).toEqual(fields);
});

const event = (fields: Partial<AuditEvent>): AuditEvent => ({
  auditID: '1',
  stage: 'ResponseComplete',
  verb: 'update',
  requestURI: '/api/v1/namespaces/default/configmaps/a',
  user: { username: 'x' },
  objectRef: { resource: 'configmaps' },
  responseStatus: { code: 200 },
  requestReceivedTimestamp: '2026-01-01T00:00:00.000000Z',
  ...fields,
});

describe('the judge of the audit log', () => {
  test.each([
    ['an update counts', event({}), true],
    ['a deletion of many counts', event({ verb: 'deletecollection' }), true],
    ['a read does not', event({ verb: 'get' }), false],
    ['a refusal does not', event({ responseStatus: { code: 403 } }), false],
    ['a dry run does not', event({ requestURI: '/api/v1/pods?dryRun=All' }), false],
    [
      'a question to the API does not',
      event({ verb: 'create', objectRef: { resource: 'subjectaccessreviews' } }),
      false,
    ],
  ])('as a write: %s', (_, one, counts) => {
    expect(writes([one])).toHaveLength(counts ? 1 : 0);
  });
});

describe('where the canary allows a key', () => {
  const leaf: Secret = {
    names: ['n1 apiserver.crt'],
    number: Buffer.alloc(48),
    homes: ['n1:/etc/kubernetes/pki/apiserver.crt'],
    isCa: false,
  };
  const ca: Secret = {
    names: ['ca.key'],
    number: Buffer.alloc(48),
    homes: ['n1:/etc/kubernetes/pki/ca.key'],
    isCa: true,
  };
  test.each([
    ['a node’s key in its own file', leaf, 'n1:/etc/kubernetes/pki/apiserver.key', true],
    [
      'a node’s key in its own backups',
      leaf,
      'n1:/var/lib/cluster-cert-rotator/backups/1/apiserver.key',
      true,
    ],
    ['a node’s key on another node', leaf, 'w1:/etc/kubernetes/pki/apiserver.key', false],
    ['a node’s key in a log of its node', leaf, 'n1:/var/log/pods/a/0.log', false],
    ['a node’s key in its node’s etcd', leaf, 'n1:/var/lib/etcd/member/snap/db', false],
    ['a node’s key in its node’s memory', leaf, 'n1 memory:/run/secrets/key', false],
    ['a CA’s key in its own file', ca, 'n1:/etc/kubernetes/pki/ca.key', true],
    ['a CA’s key in a backup', ca, 'n1:/var/lib/cluster-cert-rotator/backups/1/ca.key', false],
    ['a CA’s key beside its own file', ca, 'n1:/etc/kubernetes/pki/.ca.key.new', false],
    ['a CA’s key in a process’s environment', ca, 'proc:/12/environ', false],
  ])('%s', (_, secret, place, allowed) => {
    expect(isAllowed(secret, place)).toBe(allowed);
  });
});
