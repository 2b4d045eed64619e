import { describe, expect, it } from 'vitest';
import { SimulatedCluster } from './simulated.ts';

const message = 'CA etcd is external: its key is on no node';

/** One control plane, everything due; etcd's CA is somebody else's. */
function cluster(): SimulatedCluster {
  const one = new SimulatedCluster({ stageTool: 'none' });
  const node = one.add('cp1', 'control-plane', () => ({ age: 345, lifetime: 365 }));
  const scanned = one.world.bind(one);
  one.world = () => {
    const world = scanned();
    const inventories = new Map(
      [...world.inventories].map(([name, inventory]) => [name, signedByEtcd(inventory)] as const),
    );
    return { ...world, inventories };
  };
  expect(node.certificates.size).toBe(14);
  const { etcd: _, ...cas } = one.vault.cas;
  one.vault = { cas, unavailable: { etcd: { gate: 'CaUnavailable', message } } };
  return one;
}

type Inventory = ReturnType<SimulatedCluster['inventories']['get']> & object;

function signedByEtcd(inventory: Inventory): Inventory {
  const certificates = inventory.certificates.map((row) =>
    row.id.includes('etcd') ? { ...row, ca: 'etcd' as const } : row,
  );
  return { ...inventory, certificates };
}

describe('a CA that is somebody else’s', () => {
  it('keeps its own certificates from being renewed, and no others; that is said', () => {
    const one = cluster();
    one.run();
    expect(one.phases('cp1')).toEqual(['Succeeded']);
    expect(one.of('cp1')[0]?.spec.certificates).toHaveLength(10);
    expect(one.renewals.filter(({ id }) => id.includes('etcd'))).toEqual([]);
  });

  it('is named on the node with every scan, once something is due', () => {
    const one = cluster();
    // The simulated scan names one CA for all: what is unavailable here is that one for the moment of the scan.
    one.vault = {
      ...one.vault,
      unavailable: { kubernetes: { gate: 'CaUnavailable', message: 'CA kubernetes ended' } },
    };
    one.run(20);
    const told = one.events.filter(({ reason }) => reason === 'CaUnavailable');
    expect(told.map(({ message: text }) => text).join()).toContain('not renewed: apiserver.crt, ');
  });

  it('is waited for by who asks for its certificates by hand', () => {
    const one = cluster();
    one.run();
    const uid = one.nodes[0]?.uid ?? '';
    one.createByHand('please', { nodeName: 'cp1', nodeUID: uid, certificates: ['etcd/server.crt'] });
    one.run(10);
    const asked = one.rotations.find(({ metadata }) => metadata.name === 'please');
    expect(asked?.status).toMatchObject({ phase: 'Pending', reason: 'CaUnavailable' });
    expect(asked?.status?.message).toContain(message);
  });

  it('changes no plan while nothing at all can be signed', () => {
    const one = cluster();
    const problem = { gate: 'CaUnavailable', message: 'not read yet' } as const;
    one.vault = {
      cas: {},
      unavailable: { kubernetes: problem, etcd: problem, 'front-proxy': problem },
      problem,
    };
    one.run(20);
    expect(one.of('cp1').map(({ spec, status }) => [spec.certificates.length, status?.reason])).toEqual([
      [14, 'CaUnavailable'],
    ]);
  });
});
