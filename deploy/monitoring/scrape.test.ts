// A real Prometheus scrapes the controller's own server by TLS; every query of the dashboard gives an answer there, every
// rule is evaluated, and a scrape of 5,000 nodes takes less than a second by Prometheus' own clock.
import type { Server } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildTool } from '../../scripts/tool.ts';
import { rowOf } from '../../src/controller/decide/simulated-objects.ts';
import { SimulatedCluster } from '../../src/controller/decide/simulated.ts';
import { Metrics } from '../../src/controller/metrics.ts';
import { serveMetrics } from '../../src/controller/metrics-server.ts';
import { ScrapeAccess } from '../../src/controller/scrape-access.ts';
import { metricsServing } from '../../src/controller/serving-keeper.ts';
import { terminalPhases } from '../../src/kube/types.ts';
import { makeServing } from '../../src/pki/serving.ts';
import { notesOfUnseen } from '../../src/view/testing.ts';
import { alerts } from './alerts.ts';
import { queries } from './dashboard.ts';
import { startPrometheus, type Prometheus } from './prometheus.ts';

const token = 'of-prometheus';
const [serverName = ''] = metricsServing.names;
const stop = new AbortController();
const metrics = new Metrics();
let serving: Promise<void>;
let prometheus: Prometheus;

async function serve(): Promise<{ address: string; ca: string }> {
  const sans = metricsServing.names.map((value) => ({ kind: 'dns', value }) as const);
  const material = makeServing({ commonName: serverName, sans, now: new Date() });
  const server = await new Promise<Server>((resolve, reject) => {
    serving = serveMetrics(
      {
        host: '127.0.0.1',
        port: 0,
        metrics,
        access: new ScrapeAccess(async (one) => one === token),
        material: async () => material,
        onError: reject,
        onListening: resolve,
      },
      stop.signal,
    );
    serving.catch(reject);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it listens on no port');
  return { address: `127.0.0.1:${address.port}`, ca: material.ca };
}

/** Everything at once: something due, something waiting, something not seen, one failed, one paused. */
function troubledCluster(): SimulatedCluster {
  const cluster = new SimulatedCluster({ paused: false, stageTool: 'none' }, new Date());
  cluster.add('n1', 'control-plane', () => ({ age: 300, lifetime: 365 })).notes = [...notesOfUnseen];
  for (const name of ['w1', 'w2', 'w3']) cluster.add(name, 'worker', () => ({ age: 70, lifetime: 91 }));
  const [, fails, waits] = cluster.nodes;
  if (fails === undefined || waits === undefined) throw new Error('no such nodes');
  fails.outcome = () => ({ outcome: 'needs-manual', reason: 'OldStateUnsafe', message: 'expired' });
  waits.annotations = { 'certrotator.cpaas.io/paused': 'true' };
  return cluster;
}

beforeAll(async () => {
  buildTool('prometheus');
  const cluster = troubledCluster();
  metrics.note(cluster.world());
  const { address, ca } = await serve();
  prometheus = await startPrometheus({ address, serverName, ca, token });
  // It has been scraped once before anything ends: on a quiet cluster the first of a kind is also the last for long.
  await prometheus.until('cert_rotator_leader == 1');
  cluster.run(60);
  metrics.note(cluster.world());
  metrics.notePass('ok');
  await prometheus.until('cert_rotator_rotations_total > 0');
  // What counts from one moment to the next needs two of them.
  await prometheus.until('count_over_time(cert_rotator_passes_total[1m]) > 1');
}, 1_800_000);

afterAll(async () => {
  await prometheus.stop();
  stop.abort();
  await serving;
});

describe('Prometheus', () => {
  it.each(queries)('answers the dashboard’s query $expr', async ({ expr }) => {
    const result = await prometheus.query(expr);
    expect(result.length).toBeGreaterThan(0);
    expect(result.filter(({ value }) => !Number.isFinite(Number(value[1])))).toEqual([]);
  });

  it('shows the first rotation of its kind that ended, and how long it took', async () => {
    const [ended, ...lasted] = queries.filter(({ expr }) =>
      /cert_rotator_rotations?_(total|duration)/.test(expr),
    );
    const samples = await prometheus.query(ended?.expr ?? '');
    const counts = new Map(samples.map(({ metric, value }) => [metric['result'], Number(value[1])]));
    expect(counts.size).toBe(terminalPhases.size);
    expect(counts.get('Succeeded')).toBeGreaterThan(0);
    expect(counts.get('NeedsManual')).toBeGreaterThan(0);
    expect(counts.get('RolledBack')).toBe(0);
    expect(lasted).toHaveLength(2);
    for (const { expr } of lasted) {
      const [quantile] = await prometheus.query(expr);
      expect(Number(quantile?.value[1]), expr).toBeGreaterThan(0);
    }
  });

  it('shows the failed node, the half-seen node, the paused node and the gate that holds it', async () => {
    const [failed] = await prometheus.query('cert_rotator_rotation_failed');
    expect(failed?.metric).toMatchObject({ nodename: 'w1', result: 'NeedsManual', reason: 'OldStateUnsafe' });
    const [half] = await prometheus.query('cert_rotator_unseen_components');
    expect([half?.metric['nodename'], half?.value[1]]).toEqual(['n1', '1']);
    const [paused] = await prometheus.query('cert_rotator_paused{scope="node"}');
    expect(paused?.metric['nodename']).toBe('w2');
    expect((await prometheus.query('cert_rotator_gate_closed{gate="Paused"}')).length).toBe(1);
  });

  it('evaluates every alert without an error', async () => {
    await prometheus.until('ALERTS{alertname="CertRotatorNeedsManual"}');
    const { groups } = await prometheus.api<{
      groups: { rules: { name: string; health: string; lastError?: string }[] }[];
    }>('/rules');
    const rules = groups.flatMap(({ rules }) => rules);
    expect(new Set(rules.map(({ name }) => name))).toEqual(new Set(alerts.map(({ name }) => name)));
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
  });

  it('scrapes 5,000 nodes in less than a second', { timeout: 120_000 }, async () => {
    metrics.note(largeCluster().world());
    await prometheus.until('count_over_time((cert_rotator_nodes == 5000)[1m:1s]) > 8');
    // On a busy machine some take their time; what the scrape itself costs is the least.
    const [least] = await prometheus.query('min_over_time(scrape_duration_seconds[8s])');
    const [samples] = await prometheus.query('scrape_samples_scraped');
    console.log(`5,000 nodes: ${samples?.value[1]} samples in ${least?.value[1]} s`);
    expect(Number(samples?.value[1])).toBeGreaterThan(55_000);
    expect(Number(least?.value[1])).toBeLessThan(1);
  });
});

function largeCluster(): SimulatedCluster {
  const cluster = new SimulatedCluster({}, new Date());
  for (let i = 0; i < 5000; i++) {
    const name = `node-${String(i).padStart(4, '0')}.example.org`;
    const node = cluster.add(name, i < 3 ? 'control-plane' : 'worker', () => ({ age: 10, lifetime: 91 }));
    const time = cluster.now.toISOString();
    const rows = [...node.certificates].map(([id, certificate]) => rowOf(id, certificate));
    // As much as a node can show: something that is not renewed, beside what is.
    const foreign = rows
      .slice(0, 1)
      .map((row) => ({ ...row, path: '/foreign.crt', state: 'Unmanaged' as const }));
    cluster.inventories.set(name, {
      schema: 1,
      node: name,
      nodeUID: node.uid,
      machineID: 'm',
      collectedAt: time,
      clock: time,
      certificates: [...rows, ...foreign],
    });
  }
  return cluster;
}
