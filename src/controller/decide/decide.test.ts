import { describe, expect, it } from 'vitest';
import { toolNotes } from '../../agent/protocol.ts';
import { restartNotes } from '../../catalogue/restart-notes.ts';
import { decide } from './index.ts';
import { day } from './simulated-objects.ts';
import { SimulatedCluster } from './simulated.ts';

const twentyDaysLeft = (id: string) =>
  id.startsWith('kubelet') ? { age: 71, lifetime: 91 } : { age: 345, lifetime: 365 };
const fresh = () => ({ age: 0, lifetime: 365 });

const rolledBack = () =>
  ({ outcome: 'rolled-back', reason: 'ComponentDidNotReturn', message: 'no API server' }) as const;
const fiveDaysLeft = (id: string) =>
  id.startsWith('kubelet') ? { age: 86, lifetime: 91 } : { age: 360, lifetime: 365 };

/** 1 + 1, the tool laid down already. */
function small(ages = twentyDaysLeft, configuration: ConstructorParameters<typeof SimulatedCluster>[0] = {}) {
  const cluster = new SimulatedCluster({ stageTool: 'none', ...configuration });
  const controlPlane = cluster.add('cp1', 'control-plane', ages);
  const worker = cluster.add('w1', 'worker', ages);
  return { cluster, controlPlane, worker };
}

describe('the main job', () => {
  it('renews everything that has 20 days left on 1 + 1, each once, and comes to rest', () => {
    const { cluster } = small();
    cluster.run();
    expect(cluster.phases('cp1')).toEqual(['Succeeded']);
    expect(cluster.phases('w1')).toEqual(['Succeeded']);
    expect(cluster.renewals).toHaveLength(16);
    expect(cluster.pods).toEqual([]);
    expect(cluster.of('cp1')[0]?.status?.certificates).toHaveLength(14);
  });

  it('takes no more than two minutes of time beside the agents’ own', () => {
    const { cluster } = small();
    expect(cluster.run(400, 5000) * 5).toBeLessThan(120);
  });

  it('reads the nodes again afterwards', () => {
    const { cluster, worker } = small();
    cluster.run();
    const row = cluster.inventories.get('w1')?.certificates.find(({ id }) => id === 'kubelet.crt');
    expect(row?.serial).toBe(worker.certificates.get('kubelet.crt')?.serial);
  });

  it('does nothing but scan where nothing is due', () => {
    const { cluster } = small(fresh, { planHorizon: 0 });
    cluster.run();
    cluster.elapse(3 * day);
    const actions = new Set(cluster.pass().map(({ type }) => type));
    expect([...actions]).toEqual(['create-pod']);
    cluster.elapse(5000);
    expect(cluster.pass().map(({ type }) => type)).toEqual(['write-inventory', 'write-inventory']);
    expect(cluster.pass().map(({ type }) => type)).toEqual(['delete-pod', 'delete-pod']);
    expect(cluster.settle()).toBe(0);
    expect(cluster.rotations).toEqual([]);
    expect(cluster.events).toEqual([]);
  });

  it('does nothing while nothing is due within the horizon, and says when it does', () => {
    const { cluster } = small((id) =>
      id.startsWith('kubelet') ? { age: 30, lifetime: 91 } : { age: 261, lifetime: 365 },
    );
    cluster.run();
    expect(cluster.rotations).toEqual([]);
    cluster.elapse(2 * day);
    cluster.run();
    expect(cluster.phases('w1')).toEqual(['Scheduled']);
    const [planned] = cluster.of('w1');
    expect(planned?.spec).toMatchObject({
      certificates: ['kubelet.crt', 'kubelet-client-current.pem'],
      reason: 'Due',
    });
    expect(planned?.status?.dueAt).toBe('2026-07-02T00:00:00Z');
    expect(planned?.metadata.name).toMatch(/^w1-[0-9a-f]{10}-1$/);
  });

  it('begins by itself when what was planned becomes due', () => {
    const { cluster } = small((id) =>
      id.startsWith('kubelet') ? { age: 60, lifetime: 91 } : { age: 1, lifetime: 365 },
    );
    cluster.run();
    expect(cluster.phases('w1')).toEqual(['Scheduled']);
    cluster.elapse(day + 1000);
    cluster.run();
    expect(cluster.phases('w1')).toEqual(['Succeeded']);
    expect(cluster.phases('cp1')).toEqual(['Succeeded']);
  });
});

describe('what is left alone', () => {
  it.each(['KubeletManaged', 'Unmanaged', 'Unreadable', 'KeyMismatch', 'WritableByOthers'] as const)(
    'a certificate that is %s is never named in a rotation',
    (state) => {
      const { cluster, worker } = small();
      worker.certificates.get('kubelet.crt')!.state = state;
      cluster.run();
      expect(cluster.of('w1').map(({ spec }) => spec.certificates)).toEqual([['kubelet-client-current.pem']]);
    },
  );

  it('kubeadm’s own kubelet.crt is renewed when due', () => {
    const { cluster, worker } = small();
    worker.certificates.get('kubelet.crt')!.state = 'SelfSigned';
    cluster.run();
    expect(cluster.renewals.filter(({ node }) => node === 'w1').map(({ id }) => id)).toContain('kubelet.crt');
  });

  it('kubelet.crt is left where the configuration says so', () => {
    const { cluster } = small(twentyDaysLeft, { kubelet: { serving: 'leave', restart: 'always' } });
    cluster.run();
    expect(cluster.renewals.map(({ id }) => id)).not.toContain('kubelet.crt');
  });
});

describe('when it does not go well', () => {
  it('a component that does not come back ends RolledBack, says why, and is not tried again at once', () => {
    const { cluster, controlPlane } = small();
    controlPlane.outcome = rolledBack;
    cluster.run(100);
    const ended = cluster.of('cp1').find(({ status }) => status?.phase === 'RolledBack');
    expect(ended?.status).toMatchObject({ reason: 'ComponentDidNotReturn', message: 'no API server' });
    const next = cluster.of('cp1').find(({ status }) => status?.phase === 'Scheduled');
    expect(next?.metadata.name).toMatch(/-2$/);
    expect(Date.parse(next?.status?.dueAt ?? '') - Date.parse(ended?.status?.finishedAt ?? '')).toBe(
      3_600_000,
    );
    expect(next?.status?.attempts).toBe(2);
  });

  it('waits 1, 2, 4, 8, 16, 32 and again 32 hours between attempts', () => {
    const { cluster, controlPlane } = small(twentyDaysLeft, { breaker: { coolDown: 0 } });
    controlPlane.outcome = rolledBack;
    const pauses: number[] = [];
    let before: number | undefined;
    for (let hours = 0; hours < 130; hours += 0.25) {
      cluster.run(20);
      const ends = cluster
        .of('cp1')
        .flatMap(({ status }) =>
          status?.phase === 'RolledBack' ? [Date.parse(status.finishedAt ?? '')] : [],
        );
      const last = Math.max(...ends);
      if (before !== undefined && last > before) pauses.push(Math.round((last - before) / 3_600_000));
      before = last;
      cluster.elapse(day / 96);
    }
    expect(pauses.slice(0, 7)).toEqual([1, 2, 4, 8, 16, 32, 32]);
    expect(cluster.of('cp1').length).toBeLessThanOrEqual(5);
  });

  it('an agent that finds nothing to do is not asked again at once', () => {
    const { cluster, worker } = small(twentyDaysLeft, { breaker: { coolDown: 0 } });
    worker.outcome = () => ({ outcome: 'nothing-to-do', reason: 'NothingToDo', message: 'not due' });
    for (let minutes = 0; minutes < 60; minutes++) {
      cluster.run(20);
      cluster.elapse(60_000);
    }
    const begun = cluster.of('w1').filter(({ status }) => status?.startedAt !== undefined);
    expect(begun.length).toBeLessThanOrEqual(2);
    expect(cluster.of('w1').at(-1)?.status?.attempts).toBeGreaterThan(1);
  });

  it('the breaker holds the others back after a failure, and one success closes it', () => {
    const { cluster, controlPlane, worker } = small(twentyDaysLeft, { breaker: { coolDown: 1_800_000 } });
    const w2 = cluster.add('w2', 'worker', fresh);
    controlPlane.outcome = rolledBack;
    worker.outcome = rolledBack;
    cluster.run(60);
    for (const id of ['kubelet.crt', 'kubelet-client-current.pem'] as const) {
      w2.certificates.get(id)!.notAfter = new Date(cluster.now.getTime() + 10 * day);
    }
    cluster.inventories.delete('w2');
    cluster.run(20);
    expect(cluster.of('w2')[0]?.status).toMatchObject({ phase: 'Pending', reason: 'BreakerOpen' });
    cluster.elapse(1_800_000);
    cluster.run(60);
    expect(cluster.phases('w2')).toEqual(['Succeeded']);
  });

  it('the breaker is not closed by one that was under way when it opened', () => {
    const { cluster, worker } = small(twentyDaysLeft, { parallelWorkers: 2, settle: 0 });
    worker.outcome = rolledBack;
    const w2 = cluster.add('w2', 'worker', twentyDaysLeft);
    cluster.add('w3', 'worker', twentyDaysLeft);
    while (cluster.inFlight('worker').length < 2) {
      cluster.settle();
      cluster.elapse(5000);
    }
    w2.ready = false;
    cluster.run(4);
    w2.ready = true;
    cluster.run(20);
    expect(cluster.phases('w1')).toContain('RolledBack');
    expect(cluster.phases('w2')).toEqual(['Succeeded']);
    expect(cluster.of('w3')[0]?.status).toMatchObject({ phase: 'Pending', reason: 'BreakerOpen' });
  });

  it.each(['KeyMismatch', 'Unmanaged', 'Unreadable', 'SigningRefused', 'PreflightFailed'] as const)(
    'a refusal that is about the node itself (%s) holds back no other node',
    (reason) => {
      const { cluster, controlPlane, worker } = small();
      controlPlane.outcome = () => ({ outcome: 'refused', reason, message: 'not this one' });
      worker.annotations = { 'certrotator.cpaas.io/paused': 'true' };
      cluster.run(60);
      expect(cluster.of('cp1')[0]?.status).toMatchObject({ phase: 'Failed', reason });
      worker.annotations = {};
      cluster.run(60);
      expect(cluster.phases('w1')).toEqual(['Succeeded']);
    },
  );

  it('a kubelet that starts no Pods ends NeedsManual with the line to type', () => {
    const { cluster, worker } = small(twentyDaysLeft, { parallelWorkers: 1 });
    cluster.elapse(0);
    while (cluster.inFlight('worker').length === 0) {
      cluster.settle();
      cluster.elapse(5000);
    }
    cluster.pods = cluster.pods.filter(
      ({ metadata }) => metadata?.labels?.['certrotator.cpaas.io/node'] !== 'w1',
    );
    worker.ready = false;
    for (let minutes = 0; minutes < 12; minutes++) {
      cluster.settle();
      cluster.elapse(60_000);
    }
    cluster.settle();
    const status = cluster.of('w1').find(({ status }) => status?.phase === 'NeedsManual')?.status;
    expect(status?.reason).toBe('KubeletNotTakingPods');
    expect(status?.message).toContain(
      'stays there: cert-renew request on w1, cert-renew sign on one of them',
    );
    expect(status?.message).toContain(
      'cert-renew --ca-cert /etc/kubernetes/pki/ca.crt --ca-key /etc/kubernetes/pki/ca.key --days 91 /etc/kubernetes/pki/kubelet.crt /etc/kubernetes/pki/kubelet-client-current.pem',
    );
  });

  it('a live endpoint that shows the old serial is no success', () => {
    const { cluster, worker } = small();
    const stale = worker.certificates.get('kubelet.crt')!.serial;
    const world = cluster.world.bind(cluster);
    cluster.world = () => ({
      ...world(),
      liveSerials: new Map([
        ['w1', { checkedAt: '', kubelet: stale }],
        ['cp1', world().liveSerials.get('cp1')!],
      ]),
    });
    cluster.run(80);
    const ended = cluster.of('w1').find(({ status }) => status?.phase === 'Failed');
    expect(ended?.status?.reason).toBe('NotProved');
    expect(ended?.status?.message).toContain(`the kubelet of w1 shows serial ${stale}`);
  });

  it('a Pod that vanished is made again', () => {
    const { cluster } = small();
    while (!cluster.of('w1').some(({ status }) => status?.phase === 'Running')) {
      cluster.settle();
      cluster.elapse(5000);
    }
    cluster.pods = [];
    cluster.run();
    expect(cluster.phases('w1')).toEqual(['Succeeded']);
  });

  it('a machine replaced under its name ends the rotation and takes its Pods away', () => {
    const { cluster, worker } = small();
    while (!cluster.of('w1').some(({ status }) => status?.phase === 'Admitted')) {
      cluster.settle();
      cluster.elapse(5000);
    }
    worker.uid = 'another';
    cluster.run();
    const [old, renewed] = cluster.of('w1');
    expect(old?.status).toMatchObject({ phase: 'Failed', reason: 'NodeGone' });
    expect(renewed?.spec.nodeUID).toBe('another');
    expect(renewed?.status?.phase).toBe('Succeeded');
    expect(cluster.pods).toEqual([]);
  });

  it('the kubelet’s own renewal counts as done', () => {
    const { cluster, worker } = small();
    worker.outcome = () => {
      for (const certificate of worker.certificates.values())
        certificate.notAfter = new Date(cluster.now.getTime() + 91 * day);
      return { outcome: 'nothing-to-do', reason: 'KubeletRotated', message: 'the kubelet was quicker' };
    };
    cluster.run();
    expect(cluster.of('w1')[0]?.status).toMatchObject({ phase: 'Succeeded', reason: 'KubeletRotated' });
  });

  it('the kubelet’s own renewal counts as done also where the procedure went to its end', () => {
    const { cluster, worker } = small();
    worker.outcome = () => ({ reason: 'KubeletRotated', message: 'the kubelet had renewed it by itself' });
    cluster.run();
    expect(cluster.of('w1')[0]?.status).toMatchObject({ phase: 'Succeeded', reason: 'KubeletRotated' });
  });
});

describe('nodes and their oddities', () => {
  it('an optional path that is not there is left out, the ConfigMap says so, and the rotation knows it', () => {
    const { cluster, worker } = small();
    worker.missing = ['/etc/sysconfig', '/etc/default'];
    cluster.run();
    expect(cluster.inventories.get('w1')?.notes).toEqual(
      ['/etc/default', '/etc/sysconfig'].map((path) => `not on this node, left out: ${path}`),
    );
    expect(cluster.phases('w1')).toEqual(['Succeeded']);
  });

  it('a path that came back is mounted again within a week, and one that did not costs a Pod a week', () => {
    const { cluster, worker } = small(fresh, { planHorizon: 0 });
    worker.missing = ['/etc/default'];
    const made = () => cluster.pods.filter(({ spec }) => spec?.nodeName === 'w1').length;
    let pods = 0;
    for (let days = 0; days < 28; days++) {
      cluster.settle();
      pods += made();
      cluster.run();
      cluster.elapse(day + 60_000);
    }
    expect(pods).toBeLessThanOrEqual(28 + 5);
    expect(cluster.inventories.get('w1')?.notes).toEqual(['not on this node, left out: /etc/default']);
    worker.missing = [];
    for (let days = 0; days < 8; days++) {
      cluster.run();
      cluster.elapse(day + 60_000);
    }
    expect(cluster.inventories.get('w1')?.notes).toEqual([]);
  });

  it('a path that went missing after the scan is left out of the rotate Pod as well', () => {
    const { cluster, worker } = small();
    while (cluster.inFlight('worker').length === 0) {
      cluster.settle();
      cluster.elapse(5000);
    }
    worker.missing = ['/etc/default'];
    cluster.run();
    expect(cluster.phases('w1')).toEqual(['Succeeded']);
  });

  it('a required path that is not there is not left out: the node is named', () => {
    const { cluster, worker } = small();
    worker.missing = ['/etc/kubernetes'];
    for (let minutes = 0; minutes < 15; minutes++) {
      cluster.settle();
      cluster.elapse(60_000);
    }
    expect(cluster.events.filter(({ reason }) => reason === 'ScanFailed')).not.toEqual([]);
    expect(cluster.of('w1')).toEqual([]);
  });

  it('an unreachable node is named once for each try, ever more rarely, and one Pod waits for it', () => {
    const { cluster, worker } = small();
    worker.ready = false;
    for (let minutes = 0; minutes < 24 * 60; minutes += 5) {
      cluster.settle();
      cluster.elapse(300_000);
      expect(cluster.pods.filter(({ spec }) => spec?.nodeName === 'w1').length).toBeLessThanOrEqual(1);
    }
    const named = cluster.events.filter(
      ({ about, reason }) => about.name === 'w1' && reason === 'ScanFailed',
    );
    expect(named.length).toBeGreaterThan(4);
    expect(named.length).toBeLessThan(15);
    worker.ready = true;
    cluster.run();
    expect(cluster.phases('w1')).toEqual(['Succeeded']);
  });

  it('an inventory that somebody changed is not believed: the node is read again, and that is said', () => {
    const { cluster } = small();
    cluster.run();
    cluster.inventories.delete('w1');
    const actions = decide({ ...cluster.world(), strangeInventories: new Set(['node-local-certs-w1']) });
    expect(actions.map(({ type }) => type)).toEqual(['create-pod', 'event']);
    expect(actions[1]).toMatchObject({
      event: { about: { kind: 'Node', name: 'w1' }, type: 'Warning', reason: 'InventoryChanged' },
    });
  });

  it('that it was changed is said too when a scan was under way already', () => {
    const { cluster } = small();
    const strange = () =>
      decide({ ...cluster.world(), strangeInventories: new Set(['node-local-certs-w1']) });
    cluster.settle();
    expect(cluster.pods.map(({ spec }) => spec?.nodeName)).toContain('w1');
    expect(strange().filter(({ type }) => type === 'event')).toEqual([]);
    cluster.elapse(5000);
    cluster.elapse(5000);
    expect(strange().map(({ type }) => type)).toEqual(expect.arrayContaining(['event', 'write-inventory']));
  });

  it('a clock that is off by more than the limit keeps its node waiting, and a late reading does not', () => {
    const { cluster, worker } = small();
    worker.clockAhead = 400_000;
    cluster.settle();
    cluster.elapse(3_600_000);
    cluster.run(40);
    expect(cluster.of('w1')[0]?.status).toMatchObject({ phase: 'Pending', reason: 'ClockSkew' });
    expect(cluster.phases('cp1')).toEqual(['Succeeded']);
  });

  it('a result too large for one container comes by two', () => {
    const { cluster, worker } = small();
    worker.notes = Array.from(
      { length: 300 },
      (_, i) => `credential ${(i * 2_654_435_761).toString(36)} in /home/u${i}`,
    );
    cluster.run();
    expect(cluster.inventories.get('w1')?.notes).toHaveLength(300);
    expect(cluster.phases('w1')).toEqual(['Succeeded']);
  });

  it('what a restart of the API server costs is told once, and again when it has become so again (R22)', () => {
    const { cluster, controlPlane } = small(fresh, { planHorizon: 0 });
    const told = () =>
      cluster.events.filter(({ reason }) => reason === 'RequestsMayFail').map(({ message }) => message);
    const scanWith = (...notes: string[]) => {
      controlPlane.notes = notes;
      cluster.elapse(2 * day);
      cluster.run();
    };
    scanWith(restartNotes.noDelay);
    scanWith(restartNotes.noDelay);
    expect(told()).toEqual([restartNotes.noDelay]);
    expect(cluster.events[0]).toMatchObject({ about: { kind: 'Node', name: 'cp1' }, type: 'Normal' });
    scanWith(restartNotes.balancer);
    scanWith(restartNotes.noDelay, restartNotes.balancer);
    expect(told()).toEqual([restartNotes.noDelay, restartNotes.balancer, restartNotes.noDelay]);
  });

  it('the tool is laid down where a scan says that it is not, once, on control planes', () => {
    const { cluster, controlPlane, worker } = small(fresh, { stageTool: 'controlPlanes' });
    controlPlane.notes = [toolNotes.absent];
    worker.notes = [toolNotes.absent];
    cluster.run();
    expect(cluster.inventories.get('cp1')?.notes).toEqual([]);
    expect(cluster.inventories.get('w1')?.notes).toEqual([toolNotes.absent]);
    expect(cluster.pods).toEqual([]);
  });
});

describe('what people ask for', () => {
  const ids = ['kubelet.crt'] as const;

  it('a rotation made by hand is adopted, and done although nothing is due', () => {
    const { cluster, worker } = small(fresh);
    cluster.run();
    cluster.createByHand('please', { nodeName: 'w1', nodeUID: worker.uid, certificates: ids });
    cluster.run();
    expect(cluster.of('w1')[0]).toMatchObject({
      metadata: { name: 'please' },
      status: { phase: 'Succeeded' },
    });
  });

  it('what was planned gives way to it', () => {
    const { cluster, worker } = small((id) =>
      id.startsWith('kubelet') ? { age: 50, lifetime: 91 } : { age: 1, lifetime: 365 },
    );
    cluster.run();
    cluster.createByHand('please', { nodeName: 'w1', nodeUID: worker.uid, certificates: ids });
    cluster.settle();
    const planned = cluster.of('w1').find(({ metadata }) => metadata.name !== 'please');
    expect(planned?.status).toMatchObject({ phase: 'Superseded', reason: 'SupersededByManual' });
  });

  it('twice the same: the second is Superseded and names the first', () => {
    const { cluster, worker } = small(fresh);
    cluster.run();
    cluster.createByHand('a', { nodeName: 'w1', nodeUID: worker.uid, certificates: ids });
    cluster.createByHand('b', { nodeName: 'w1', nodeUID: worker.uid, certificates: ids });
    cluster.run();
    expect(cluster.of('w1').map(({ status }) => status?.phase)).toEqual(['Succeeded', 'Superseded']);
    expect(cluster.of('w1')[1]?.status?.message).toBe('a is the rotation of this node');
  });

  it('one an hour for a node', () => {
    const { cluster, worker } = small(fresh);
    cluster.run();
    cluster.createByHand('a', { nodeName: 'w1', nodeUID: worker.uid, certificates: ids });
    cluster.run();
    cluster.createByHand('b', { nodeName: 'w1', nodeUID: worker.uid, certificates: ids });
    cluster.run(20);
    expect(cluster.of('w1')[1]?.status).toMatchObject({ phase: 'Pending', reason: 'ManualRateLimit' });
    cluster.elapse(3_600_000);
    cluster.run();
    expect(cluster.of('w1')[1]?.status?.phase).toBe('Succeeded');
  });

  it('asking again and again pushes neither what was done nor the limit out of the history', () => {
    const { cluster, worker } = small(fresh, { breaker: { coolDown: 0 } });
    cluster.run();
    const ask = (name: string) =>
      cluster.createByHand(name, { nodeName: 'w1', nodeUID: worker.uid, certificates: ids });
    ask('first');
    cluster.run();
    for (let i = 0; i < 10; i++) ask(`b${i}`);
    cluster.run(20);
    expect(cluster.of('w1').find(({ metadata }) => metadata.name === 'first')?.status?.phase).toBe(
      'Succeeded',
    );
    expect(cluster.renewals.filter(({ node }) => node === 'w1')).toHaveLength(1);
    expect(cluster.of('w1').length).toBeLessThanOrEqual(5);
  });

  it.each([
    {
      name: 'a node that is not there',
      spec: { nodeName: 'w9', nodeUID: 'x' },
      want: 'Failed',
      reason: 'NodeGone',
    },
    {
      name: 'another node’s UID',
      spec: { nodeName: 'w1', nodeUID: 'x' },
      want: 'Failed',
      reason: 'NodeGone',
    },
  ])('$name is a clear end', ({ spec, want, reason }) => {
    const { cluster } = small(fresh);
    cluster.run();
    cluster.createByHand('odd', { ...spec, certificates: ids });
    cluster.settle();
    expect(cluster.rotations.find(({ metadata }) => metadata.name === 'odd')?.status).toMatchObject({
      phase: want,
      reason,
    });
  });

  it('certificates that the node does not have are nothing to do', () => {
    const { cluster, worker } = small(fresh);
    cluster.run();
    cluster.createByHand('odd', { nodeName: 'w1', nodeUID: worker.uid, certificates: ['apiserver.crt'] });
    cluster.settle();
    expect(cluster.of('w1')[0]?.status).toMatchObject({ phase: 'Superseded', reason: 'NothingToDo' });
  });

  it('mode manual waits for the approval of each', () => {
    const { cluster } = small(twentyDaysLeft, { mode: 'manual' });
    cluster.run(20);
    expect(cluster.of('w1')[0]?.status).toMatchObject({ phase: 'Pending', reason: 'AwaitingApproval' });
    cluster.rotations = cluster.rotations.map((one) => ({
      ...one,
      metadata: { ...one.metadata, annotations: { 'certrotator.cpaas.io/approved': 'true' } },
    }));
    cluster.run();
    expect(cluster.phases('w1')).toEqual(['Succeeded']);
  });

  it.each([
    ['', Infinity],
    [', though each leader dies after one action', 1],
  ])('an approval holds although other certificates have joined%s', (_, actionsAPass) => {
    const { cluster, worker } = small(twentyDaysLeft, { mode: 'manual', stageTool: 'none' });
    worker.certificates.get('kubelet-client-current.pem')!.notAfter = new Date(
      cluster.now.getTime() + 80 * day,
    );
    cluster.run(20);
    const [first] = cluster.of('w1');
    expect(first?.spec.certificates).toEqual(['kubelet.crt']);
    cluster.rotations = cluster.rotations.map((one) => ({
      ...one,
      metadata: { ...one.metadata, annotations: { 'certrotator.cpaas.io/approved': 'true' } },
    }));
    worker.certificates.get('kubelet-client-current.pem')!.notAfter = new Date(
      cluster.now.getTime() + 10 * day,
    );
    worker.annotations = { 'certrotator.cpaas.io/paused': 'true' };
    cluster.inventories.delete('w1');
    cluster.actionsAPass = actionsAPass;
    cluster.run(20);
    worker.annotations = {};
    cluster.run();
    expect(cluster.of('w1').at(-1)).toMatchObject({
      spec: { certificates: ['kubelet.crt', 'kubelet-client-current.pem'] },
      status: { phase: 'Succeeded' },
    });
  });

  it('an object that only looks like the plan’s own is none of its', () => {
    const { cluster, worker } = small(twentyDaysLeft, { mode: 'observe' });
    cluster.run(20);
    const [planned] = cluster.of('w1');
    const name = planned?.metadata.name.replace(/-1$/, '-7') ?? '';
    const odd = cluster.createByHand(name, { nodeName: 'w1', nodeUID: worker.uid, certificates: ids });
    Object.assign(odd.metadata, { labels: planned?.metadata.labels });
    cluster.run(20);
    const found = cluster.of('w1').find(({ metadata }) => metadata.name === name);
    expect(found?.status?.phase).toBe('Superseded');
    expect(cluster.of('w1')[0]?.status?.phase).toBe('Pending');
  });

  it('what a table shows says role, certificates and what is done', () => {
    const { cluster } = small();
    cluster.run();
    expect(cluster.of('cp1')[0]?.status).toMatchObject({
      role: 'control-plane',
      summary: 'apiserver.crt +13',
      step: 'renew, restart kube-apiserver, restart kube-controller-manager, restart kube-scheduler, restart kubelet',
    });
  });

  it('what an agent says is shown without control characters', () => {
    const { cluster, controlPlane } = small();
    controlPlane.outcome = () => ({ ...rolledBack(), message: 'no\u001b[31m API\nserver' });
    cluster.run(60);
    const ended = cluster.of('cp1').find(({ status }) => status?.phase === 'RolledBack');
    expect(ended?.status?.message).toBe('no[31m API server');
  });

  it('mode observe scans and plans and touches nothing', () => {
    const { cluster } = small(twentyDaysLeft, { mode: 'observe' });
    cluster.run(40);
    expect(cluster.renewals).toEqual([]);
    expect(cluster.of('cp1')[0]?.status).toMatchObject({ phase: 'Pending', reason: 'ModeObserve' });
  });

  it('a node with the pause annotation waits; the others go on', () => {
    const { cluster, worker } = small();
    worker.annotations = { 'certrotator.cpaas.io/paused': 'true' };
    cluster.run(60);
    expect(cluster.of('w1')[0]?.status?.reason).toBe('Paused');
    expect(cluster.phases('cp1')).toEqual(['Succeeded']);
  });
});

describe('urgency', () => {
  it('opens soft gates and says so', () => {
    const { cluster } = small(fiveDaysLeft, {
      windows: [{ cron: '0 3 1 1 *', duration: 3_600_000, zone: 'UTC' }],
    });
    cluster.run();
    expect(cluster.phases('w1')).toEqual(['Succeeded']);
    expect(cluster.events.filter(({ reason }) => reason === 'OutsideWindow')).not.toEqual([]);
  });

  it('does not open hard ones', () => {
    const { cluster } = small(fiveDaysLeft);
    cluster.vault = { cas: {}, problem: { gate: 'CaMismatch', message: 'another CA' } };
    cluster.run(40);
    expect(cluster.renewals).toEqual([]);
    expect(cluster.of('w1')[0]?.status?.reason).toBe('CaMismatch');
  });

  it('waits for the window when there is time', () => {
    const { cluster } = small(twentyDaysLeft, {
      windows: [{ cron: '0 3 * * *', duration: 3_600_000, zone: 'UTC' }],
    });
    cluster.run(40);
    expect(cluster.of('w1')[0]?.status).toMatchObject({ phase: 'Pending', reason: 'OutsideWindow' });
    expect(cluster.of('w1')[0]?.status?.message).toContain('opens 2026-06-01T03:00:00Z');
    cluster.elapse(3 * 3_600_000);
    cluster.run();
    expect(cluster.phases('w1')).toEqual(['Succeeded']);
  });
});
