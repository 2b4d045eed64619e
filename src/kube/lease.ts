// Leader election by a Lease (coordination.k8s.io/v1), with client-go's timing: a lease of 15 s, given up by its
// leader after 10 s without a renewal, looked at every 2 s. A candidate measures how long it has *seen* no change;
// it never compares the holder's clock with its own.
import type { Lease } from 'kubernetes-types/coordination/v1.js';
import { CertError } from '../errors.ts';
import type { KubeClient } from './client.ts';
import { pause } from './reflector.ts';
import { resources } from './resources.ts';

export interface LeaseTiming {
  /** Milliseconds. A candidate takes over after this long without a change. */
  readonly duration: number;
  /** A leader that could not renew for this long stops acting. Shorter than `duration`. */
  readonly renewDeadline: number;
  readonly retryPeriod: number;
}

export const leaseTiming: LeaseTiming = { duration: 15_000, renewDeadline: 10_000, retryPeriod: 2000 };

/** The last change of the Lease that this candidate saw, and when on its own monotonic clock (milliseconds). */
export interface Seen {
  readonly resourceVersion: string;
  readonly at: number;
}

export type LeaseStep =
  | { readonly do: 'create' | 'replace'; readonly lease: Lease }
  | { readonly do: 'wait'; readonly holder: string };

export interface LeaseView {
  /** As read just now; undefined when there is none. */
  readonly lease: Lease | undefined;
  readonly seen: Seen | undefined;
  readonly name: string;
  readonly namespace: string;
  readonly me: string;
  readonly now: Date;
  /** Monotonic, milliseconds. */
  readonly tick: number;
  readonly timing: LeaseTiming;
}

/** What a candidate does now. Pure. */
export function nextStep(view: LeaseView): LeaseStep {
  const { lease, me, now, timing } = view;
  const renewTime = microTime(now);
  const mine = { holderIdentity: me, leaseDurationSeconds: Math.ceil(timing.duration / 1000), renewTime };
  if (lease === undefined) {
    return {
      do: 'create',
      lease: {
        metadata: { name: view.name, namespace: view.namespace },
        spec: { ...mine, acquireTime: renewTime, leaseTransitions: 0 },
      },
    };
  }
  const holder = lease.spec?.holderIdentity ?? '';
  if (holder === me) return { do: 'replace', lease: { ...lease, spec: { ...lease.spec, ...mine } } };
  if (holder !== '' && !hasRunOut(view, lease)) return { do: 'wait', holder };
  const leaseTransitions = (lease.spec?.leaseTransitions ?? 0) + 1;
  return {
    do: 'replace',
    lease: { ...lease, spec: { ...lease.spec, ...mine, acquireTime: renewTime, leaseTransitions } },
  };
}

function hasRunOut({ seen, tick, timing }: LeaseView, lease: Lease): boolean {
  if (seen === undefined || seen.resourceVersion !== lease.metadata?.resourceVersion) return false;
  // The holder's own duration counts when it is longer: it may run with another timing.
  const promised = (lease.spec?.leaseDurationSeconds ?? 0) * 1000;
  return tick - seen.at > Math.max(timing.duration, promised);
}

/** metav1.MicroTime. */
function microTime(now: Date): string {
  return now.toISOString().replace(/Z$/, '000Z');
}

export interface ElectionOptions {
  readonly client: KubeClient;
  readonly name: string;
  readonly namespace: string;
  /** Unique to this process. */
  readonly me: string;
  readonly timing?: LeaseTiming;
  readonly onError: (error: CertError) => void;
}

/** The right to act, for one term of leading. */
export interface Term {
  /** Aborts at the moment the term is lost or given up. */
  readonly signal: AbortSignal;
  /** Asked before every write: true only while the last renewal is young enough, whatever timers were late. */
  readonly holds: () => boolean;
}

/** Stands for election until `signal` aborts, and runs `lead` for every term; the Lease is released at the end. */
export async function runElection(
  options: ElectionOptions,
  lead: (term: Term) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const candidate = new Candidate(options);
  const { retryPeriod } = candidate.timing;
  while (!signal.aborted) {
    if ((await candidate.try()) !== 'held') {
      await pause(retryPeriod * (1 + Math.random() * 0.2), signal);
      continue;
    }
    await serve(candidate, lead, signal);
  }
}

async function serve(
  candidate: Candidate,
  lead: (term: Term) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const lost = new AbortController();
  const ended = AbortSignal.any([signal, lost.signal]);
  const work = lead({ signal: ended, holds: () => !ended.aborted && candidate.remaining() > 0 });
  await Promise.all([
    work.finally(() => lost.abort()),
    renew(candidate, ended, lost),
    guard(candidate, ended, lost),
  ]);
  // Only after the work has ended may another one begin.
  await candidate.release();
}

async function renew(candidate: Candidate, ended: AbortSignal, lost: AbortController): Promise<void> {
  while (!ended.aborted) {
    await pause(candidate.timing.retryPeriod, ended);
    if (ended.aborted) return;
    if ((await candidate.try()) === 'another') lost.abort();
  }
}

/** Cuts the term off at its deadline even while a renewal still waits for an answer. */
async function guard(candidate: Candidate, ended: AbortSignal, lost: AbortController): Promise<void> {
  while (!ended.aborted) {
    await pause(Math.max(10, candidate.remaining()), ended);
    if (candidate.remaining() <= 0) lost.abort();
  }
}

class Candidate {
  readonly timing: LeaseTiming;
  readonly #options: ElectionOptions;
  #seen: Seen | undefined;
  #held: Lease | undefined;
  #renewed = { tick: Number.NEGATIVE_INFINITY, clock: Number.NEGATIVE_INFINITY };

  constructor(options: ElectionOptions) {
    this.#options = options;
    this.timing = options.timing ?? leaseTiming;
  }

  /** Milliseconds that the last renewal still gives. Both clocks count: one stops while a machine sleeps. */
  remaining(): number {
    const elapsed = Math.max(performance.now() - this.#renewed.tick, Date.now() - this.#renewed.clock);
    return this.timing.renewDeadline - elapsed;
  }

  /** One look at the Lease, and one write where it is ours or free. */
  async try(): Promise<'held' | 'another' | 'unknown'> {
    const { client, name, namespace, me } = this.#options;
    try {
      const lease = await client.get(resources.leases, { name, namespace });
      this.#see(lease);
      // The term counts from before the write is sent, since that is the latest moment that others may count from.
      const asked = { tick: performance.now(), clock: Date.now() };
      const view = { lease, seen: this.#seen, name, namespace, me };
      const step = nextStep({ ...view, now: new Date(asked.clock), tick: asked.tick, timing: this.timing });
      if (step.do === 'wait') return 'another';
      const written =
        step.do === 'create'
          ? await client.create(resources.leases, step.lease)
          : await client.replace(resources.leases, step.lease);
      if (!written.ok) return 'unknown';
      this.#see(written.object);
      this.#held = written.object;
      this.#renewed = asked;
      return 'held';
    } catch (error) {
      this.#options.onError(asCertError(error));
      return 'unknown';
    }
  }

  /** Gives the Lease back, so that another candidate need not wait for its end. */
  async release(): Promise<void> {
    const held = this.#held;
    this.#held = undefined;
    this.#renewed = { tick: Number.NEGATIVE_INFINITY, clock: Number.NEGATIVE_INFINITY };
    if (held === undefined) return;
    try {
      await this.#options.client.replace(resources.leases, {
        ...held,
        spec: { ...held.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(new Date()) },
      });
    } catch (error) {
      this.#options.onError(asCertError(error));
    }
  }

  #see(lease: Lease | undefined): void {
    const resourceVersion = lease?.metadata?.resourceVersion;
    if (resourceVersion === undefined) this.#seen = undefined;
    else if (resourceVersion !== this.#seen?.resourceVersion) {
      this.#seen = { resourceVersion, at: performance.now() };
    }
  }
}

function asCertError(error: unknown): CertError {
  if (error instanceof CertError) return error;
  return new CertError('Unreachable', 'the Lease cannot be read or written', { cause: error });
}
