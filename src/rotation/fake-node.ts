// A node for tests: a disk that can die, and components that behave as the real ones do (reliability.md 0 and 2.2): a
// static Pod is made anew when its manifest's meaning changes, etcd reads its files at every handshake, the kubelet
// at its start; a component whose key and certificate do not fit does not start.
import type { Target } from '../catalogue/ids.ts';
import { CertError } from '../errors.ts';
import { readBundle } from '../formats/pem.ts';
import type { CrashFiles } from '../host/crash-files.ts';
import { hostLayout } from '../host/layout.ts';
import type { ProcessInfo } from '../host/processes.ts';
import type { Certificate } from '../pki/certificate.ts';
import { keyFits, readPrivateKey } from '../pki/keys.ts';
import { isSignedBy } from '../pki/verify.ts';
import {
  day,
  fakeFacts,
  fakeTargets,
  manifestOf,
  servingTarget,
  startTime,
  type FakeCa,
} from './fake-disk.ts';
import { localSigner } from './local-signer.ts';
import { readLive } from './material.ts';
import type { RotationNode, RotationOrder, Signer } from './types.ts';

interface Running {
  readonly startedAt: Date;
  readonly generation: string;
  /** Serial that it holds in memory. */
  readonly serial: string;
  /** The kubelet's own, on 10250. */
  readonly served?: Certificate;
}

const programs = ['kube-apiserver', 'kube-scheduler', 'kubelet'] as const;
type Program = (typeof programs)[number];

/** As large as the real ones: beyond what a JavaScript number can tell apart. */
const ownMember = 10_276_657_743_932_975_437n;

/** Differs from one process to the next, as the real one does; with a long period, or two rotations get one name. */
let counter = 0;
let boots = 0;

export class FakeNode {
  readonly files: CrashFiles;
  readonly ca: FakeCa;
  #time: number;
  /** How far the node's clock is from the truth. */
  clockShift = 0;
  #boot = { id: `boot-${(boots += 1)}`, time: 0 };
  #running = new Map<Program, Running>();
  /** Components that do not come up on anything but the serial they had at the beginning (R23). */
  readonly broken = new Map<Program, string>();
  kubeletRestarts = 0;
  /** From 1.31 on it takes up a new serving certificate by itself. */
  kubeletReloads = false;
  /** Called at every wait: what others do meanwhile. */
  onSleep: () => void = () => undefined;
  /** The first is this node's own; its id is its place. */
  etcdMembers: readonly { name: string; host: string; leader: string }[] = [
    { name: 'n1', host: '10.0.0.1', leader: '1' },
  ];

  /** Whether etcd finds one. Without it an API server ends soon after its start. */
  quorum = true;
  /** Pids that were ended. */
  readonly ended: number[] = [];
  /** What `goDark` did: the kubelet does not run, and whoever runs is from before. */
  #dark = false;

  /**
   * The kubelet ends, as it does with a client certificate that has expired. Programs that are not named run on.
   * Until it is restarted nobody acts on a manifest (kubelet.go: deletePod waits for the API).
   */
  goDark(...programs: readonly Program[]): void {
    this.#dark = true;
    for (const program of ['kubelet', ...programs] as const) this.#running.delete(program);
  }

  /** @param options.started false: the machine is booting, and nothing runs until `startAll` */
  constructor(files: CrashFiles, ca: FakeCa, time: Date = startTime, options = { started: true }) {
    this.files = files;
    this.ca = ca;
    this.#time = time.getTime();
    this.#boot.time = this.#time - (options.started ? 7_200_000 : 0);
    if (!options.started) return;
    // The components have been running for an hour.
    this.#time = time.getTime() - 3_600_000;
    this.#observe();
    this.#time = time.getTime();
  }

  /** The same machine with what runs on it, after the death of the process that worked on it. */
  afterKill(disk: CrashFiles): FakeNode {
    const copy = new FakeNode(disk, this.ca, this.time, { started: false });
    copy.#running = new Map(this.#running);
    copy.#boot = this.#boot;
    copy.#dark = this.#dark;
    copy.quorum = this.quorum;
    for (const [program, serial] of this.broken) copy.broken.set(program, serial);
    return copy;
  }

  startAll(): void {
    this.#observe();
  }

  get time(): Date {
    return new Date(this.#time);
  }

  get node(): RotationNode {
    return {
      files: this.files,
      layout: hostLayout(),
      machineId: 'a'.repeat(32),
      now: () => new Date((this.#time += 1) + this.clockShift),
      random: (size) =>
        Uint8Array.from(
          { length: size },
          () => (counter = (Math.imul(counter, 1664525) + 1013904223) >>> 0) >>> 24,
        ),
      sleep: (milliseconds, signal) => {
        if (signal.aborted) return Promise.reject(new CertError('Aborted', 'interrupted'));
        this.#time += milliseconds;
        this.onSleep();
        return Promise.resolve();
      },
      restartKubelet: () => {
        this.kubeletRestarts += 1;
        this.#restartKubelet();
        return Promise.resolve();
      },
      endProcess: (pid) => {
        this.ended.push(pid);
        const program = programs[pid - 1];
        if (program !== undefined) this.#running.delete(program);
      },
      processes: {
        find: (program) => this.#processes(program),
        now: () => ({ bootId: this.#boot.id, milliseconds: this.#time - this.#boot.time }),
        readFile: (_, path) => this.files.read(this.files.realpath(path)),
      },
      probes: {
        handshake: ({ port }) => Promise.resolve().then(() => this.#handshake(port)),
        request: ({ port, path, client }) =>
          Promise.resolve().then(() => {
            if (port === 2379) return this.#etcd(path);
            if (port === 2381) return { status: this.quorum ? 200 : 503, body: 'RAFT NO LEADER' };
            if (port === 6443 && (!this.quorum || this.#alive('kube-apiserver') === undefined))
              throw unreachable();
            return { status: this.#accepts(client?.certificate) ? 200 : 401, body: '' };
          }),
      },
    };
  }

  /** It starts what does not run; what runs from before keeps its port, whatever its manifest says. */
  #restartKubelet(): void {
    this.#running.delete('kubelet');
    const [client] = fakeTargets.slice(-1);
    if (client !== undefined && this.certificate(client).notAfter <= this.time) return;
    this.#start('kubelet');
    if (!this.#dark) return;
    for (const program of ['kube-apiserver', 'kube-scheduler'] as const)
      if ((this.#running.get(program)?.serial ?? '') === '') this.#start(program);
  }

  /** The kubelet sees manifests whose annotation changed, and makes their Pods anew. */
  #observe(): void {
    if (this.#dark) return;
    for (const program of ['kube-apiserver', 'kube-scheduler'] as const)
      if (this.#running.get(program)?.generation !== this.#generation(program)) this.#start(program);
    if (!this.#running.has('kubelet')) this.#start('kubelet');
  }

  /** The kubelet ends a static Pod whose manifest is gone. */
  #isWanted(program: Program): boolean {
    return program === 'kubelet' || this.files.lstat(manifestOf(program)) !== undefined;
  }

  #generation(program: Program): string {
    if (program === 'kubelet' || !this.#isWanted(program)) return '';
    return Buffer.from(this.files.read(manifestOf(program))).toString('utf8');
  }

  #start(program: Program): void {
    this.#running.delete(program);
    if (!this.#isWanted(program)) return;
    const serial = this.#serialOnDisk(program);
    const only = this.broken.get(program);
    const comesUp = serial !== '' && (only === undefined || only === serial);
    const startedAt = new Date((this.#time += 1));
    const generation = this.#generation(program);
    const served = program === 'kubelet' ? { served: this.certificate(servingTarget) } : {};
    this.#running.set(program, { startedAt, generation, serial: comesUp ? serial : '', ...served });
  }

  /** Empty when key and certificate do not fit: then nothing starts. */
  #serialOnDisk(program: Program): string {
    const id = { 'kube-apiserver': 1, 'kube-scheduler': 4, kubelet: 5 }[program];
    const target = fakeTargets[id];
    if (target === undefined) return '';
    return this.fits(target) ? this.certificate(target).serial : '';
  }

  #alive(program: Program): Running | undefined {
    this.#observe();
    const running = this.#running.get(program);
    return running?.serial === '' ? undefined : running;
  }

  #processes(program: string): ProcessInfo[] {
    if (program !== 'kube-apiserver' && program !== 'kube-scheduler' && program !== 'kubelet') return [];
    const running = this.#alive(program);
    if (running === undefined) return [];
    const started = running.startedAt.getTime();
    const [startedAt, startedMs] = [new Date(started + this.clockShift), started - this.#boot.time];
    const commandLine = program === 'kubelet' ? [program] : this.#command(program);
    const isOfPod = program !== 'kubelet';
    return [{ pid: programs.indexOf(program) + 1, startedAt, startedMs, commandLine, isOfPod }];
  }

  #command(program: Program): string[] {
    const [, words] = /command: \[(.*)\]/u.exec(this.#generation(program)) ?? [];
    return words?.split(', ') ?? [program];
  }

  #handshake(port: number): Certificate {
    const [etcd, apiserver] = fakeTargets;
    if (port === 2379 && !this.quorum) throw unreachable();
    if (port === 2379 && etcd !== undefined && this.fits(etcd)) return this.certificate(etcd);
    if (port === 10250) return this.#serving();
    const running = this.#alive('kube-apiserver');
    if (port !== 6443 || running === undefined || apiserver === undefined) throw unreachable();
    return { ...this.certificate(apiserver), serial: running.serial };
  }

  #serving(): Certificate {
    const served = this.#alive('kubelet')?.served;
    if (served === undefined) throw unreachable();
    return this.kubeletReloads && this.fits(servingTarget) ? this.certificate(servingTarget) : served;
  }

  #etcd(path: string): { status: number; body: string } {
    if (!this.quorum) throw unreachable();
    if (path === '/v3/maintenance/status') return { status: 200, body: JSON.stringify({ leader: '1' }) };
    const members = this.etcdMembers.map(({ name, host }, index) => ({
      ID: `${ownMember + BigInt(index)}`,
      name,
      clientURLs: [`https://${host}:2379`],
    }));
    return { status: 200, body: JSON.stringify({ header: { member_id: `${ownMember}` }, members }) };
  }

  #accepts(text: string | undefined): boolean {
    if (text === undefined) return true;
    const certificate = parse(text);
    return issued(certificate, this.ca) && certificate.notAfter > this.time;
  }

  certificate({ location }: Target): Certificate {
    return parse(readLive(this.files, location).certificate);
  }

  fits({ location }: Target): boolean {
    const { certificate, key } = readLive(this.files, location);
    return fit(`${certificate}${key}`, () => keyFits(parse(certificate), readPrivateKey(key).key));
  }

  order(change: Partial<RotationOrder> = {}): RotationOrder {
    return {
      targets: fakeTargets,
      facts: fakeFacts,
      keyPolicy: 'new',
      kubeletRestart: 'always',
      origin: 'agent',
      rotationUID: 'uid-1',
      ...change,
    };
  }

  signer(lifetimeMs: number = 365 * day): Signer {
    return localSigner([this.ca], { lifetimeMs: () => lifetimeMs, now: () => this.time });
  }
}

/** Thousands of recoveries look at the same few certificates. */
function memo<T>(): (text: string, make: () => T) => T {
  const known = new Map<string, T>();
  return (text, make) => {
    const found = known.get(text) ?? make();
    known.set(text, found);
    return found;
  };
}

const parsed = memo<Certificate>();
const fit = memo<boolean>();
const issuedBy = memo<boolean>();

const parse = (text: string): Certificate =>
  parsed(text, () => {
    const { certificate } = readBundle(new Uint8Array(Buffer.from(text, 'latin1')));
    if (certificate === undefined) throw new Error('no certificate');
    return certificate;
  });

/** Whether a CA signed a certificate. */
export const issued = (certificate: Certificate, ca: FakeCa): boolean =>
  issuedBy(`${certificate.sha256} ${ca.certificate.sha256}`, () => isSignedBy(certificate, ca.certificate));

const unreachable = (): CertError => {
  const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  return new CertError('Unreachable', 'nobody answers', { cause });
};
