import { anything, assert, property, string } from 'fast-check';
import type { ConfigMap, Node } from 'kubernetes-types/core/v1.js';
import { describe, expect, it } from 'vitest';
import type { InventoryRow, ScanResult } from '../agent/protocol.ts';
import {
  digestOf,
  inventoryConfigMap,
  inventoryDigest,
  inventoryKey,
  inventoryName,
  readInventories,
  readInventory,
  trimInventory,
} from './inventory-store.ts';

const node: Node = { metadata: { name: 'n1', uid: 'uid-1' } };
const collectedAt = '2030-01-01T00:00:05.000Z';

function row(id: string): InventoryRow {
  return {
    id,
    path: `/etc/kubernetes/pki/${id}`,
    kind: 'pair',
    ca: 'kubernetes',
    subject: 'CN=x',
    issuer: 'CN=kubernetes',
    serial: '1a',
    notBefore: '2029-01-01T00:00:00Z',
    notAfter: '2031-01-01T00:00:00Z',
    sans: [],
    keyAlgorithm: 'RSA-2048',
    sha256: 'ab',
    state: 'Ok',
    reason: '',
  };
}

const result: ScanResult = {
  schema: 1,
  machineID: 'machine',
  clock: '2030-01-01T00:00:05.000Z',
  certificates: [row('kubelet.crt'), row('apiserver.crt')],
  notes: [],
};

function write(more: Partial<ScanResult> = {}, existing?: ConfigMap): ConfigMap {
  return inventoryConfigMap({
    node,
    result: { ...result, ...more },
    existing,
    namespace: 'cpaas-system',
    collectedAt,
  });
}

/** Other data with a digest that fits, as if we had written it. */
function stamped(map: ConfigMap, text: string): ConfigMap {
  const digest = digestOf(text);
  return {
    ...map,
    metadata: { ...map.metadata, annotations: { [inventoryDigest]: digest } },
    data: { [inventoryKey]: text },
  };
}

function masked(map: ConfigMap): string {
  return (map.data?.[inventoryKey] ?? '').replace(/"(collectedAt|clock)": "[^"]*"/g, '"$1": ""');
}

describe('the inventory of a node', () => {
  it('comes back as it was written, sorted, owned by its Node', () => {
    const map = write();
    expect(map.metadata?.name).toBe('node-local-certs-n1');
    expect(map.metadata?.ownerReferences).toEqual([
      { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'uid-1' },
    ]);
    expect(readInventory(map)).toMatchObject({
      node: 'n1',
      nodeUID: 'uid-1',
      certificates: [{ id: 'apiserver.crt' }, { id: 'kubelet.crt' }],
    });
  });

  it('comes back with every word of every certificate', () => {
    const told = { ...row('kubelet.crt'), sans: ['DNS:n1', 'IP:10.0.0.1'], ca: null, reason: 'why' };
    const later = { ...told, id: 'later.conf', notBefore: '2029-02-01T00:00:00Z', serial: '2b' };
    const certificates = [row('apiserver.crt'), told, later];
    expect(readInventory(write({ certificates }))?.certificates).toEqual(certificates);
  });

  it('has the same bytes for an unchanged node, but for collectedAt and clock', () => {
    const later = write({
      clock: '2030-01-02T00:00:00Z',
      certificates: result.certificates.toReversed(),
    });
    expect(masked(later)).toBe(masked(write()));
    expect(later.metadata).toEqual(write().metadata);
  });

  it('keeps what others annotated and the version that it replaces', () => {
    const existing = { metadata: { resourceVersion: '7', annotations: { a: 'b' }, labels: { c: 'd' } } };
    expect(write({}, existing).metadata).toMatchObject({
      resourceVersion: '7',
      annotations: { a: 'b' },
      labels: { c: 'd', 'app.kubernetes.io/managed-by': 'cluster-cert-rotator' },
    });
  });

  it('has a name that fits, for every node name', () => {
    expect(inventoryName('n'.repeat(253))).toHaveLength(253);
    expect(inventoryName('n'.repeat(253))).not.toBe(inventoryName(`${'n'.repeat(252)}m`));
  });

  it('counts as none when it was edited into something else', () => {
    const map = write();
    const data = map.data?.[inventoryKey] ?? '';
    for (const broken of [
      '',
      '{}',
      'null',
      data.slice(0, -20),
      data.replace('"Ok"', '"Fine"'),
      data.replace('"schema": 1', '"schema": 2'),
      data.replace('"node": "n1"', '"node": "n2"'),
    ]) {
      expect(readInventory(stamped(map, broken))).toBeUndefined();
    }
  });

  it('is not believed when any of it was changed by hand, and is said to be strange', () => {
    const map = write();
    const text = (map.data?.[inventoryKey] ?? '').replace('2031-01-01', '2029-06-01');
    expect(readInventory(stamped(map, text))).toBeDefined();
    const edited = { ...map, data: { [inventoryKey]: text } };
    const bare = { ...map, metadata: { ...map.metadata, annotations: {} } };
    for (const strange of [edited, bare]) {
      expect(readInventories([strange])).toEqual({
        inventories: new Map(),
        strange: new Set(['node-local-certs-n1']),
      });
    }
    const list = [map];
    expect([...readInventories(list).inventories.keys()]).toEqual(['n1']);
    expect(readInventories(list)).toBe(readInventories(list));
  });

  it('is kept in memory without its text, and says the same; so is one that is strange', () => {
    const metadata = { ...write().metadata, managedFields: [{ manager: 'x' }] };
    const map = { ...write(), metadata, binaryData: { other: 'eA==' } };
    const strange = { ...map, data: { [inventoryKey]: 'edited' } };
    for (const each of [map, strange]) {
      const kept = trimInventory(each);
      const { name, namespace, labels, annotations } = write().metadata ?? {};
      expect(kept).toEqual({ metadata: { name, namespace, labels, annotations } });
      expect(readInventories([kept])).toEqual(readInventories([each]));
      const least = trimInventory(each, { name: 'node-local-certs-n1' });
      expect(least).toEqual({ metadata: { name: 'node-local-certs-n1' } });
      expect(readInventories([least])).toEqual(readInventories([each]));
    }
  });

  it('reads any garbage without an error', () => {
    const map = write();
    assert(
      property(anything(), string(), (value, raw) => {
        readInventory(stamped(map, JSON.stringify(value) ?? raw));
        readInventory(stamped(map, raw));
      }),
    );
  });
});
