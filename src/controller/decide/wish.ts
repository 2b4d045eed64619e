// What the plan wants of a node next: what has not failed goes first and alone, what has failed is tried again apart.
import type { CertificateId } from '../../catalogue/ids.ts';
import type { FailedAttempts } from '../../kube/types.ts';
import { groupHoldsUntil, nextGroup, type Candidate, type Group } from '../../policy/grouping.ts';
import type { Configuration } from '../configuration.ts';
import type { World } from '../world.ts';
import { carriedOn, retriesOf, type Retry } from './backoff.ts';
import { leftOut, renewableOf, type RenewableCertificate } from './candidates.ts';
import { wishOf, type Wish } from './rotation-object.ts';
import { groupBy, type NodeView } from './view.ts';

/** What was wished for of a node, and from when until when it is that, in milliseconds, both inclusive. */
interface Wished {
  /** Undefined: nothing comes due within the horizon. */
  wish: Wish | undefined;
  from: number;
  until: number;
  /** The rotations of the node were found to be as wished: they are the same for as long as its view is. */
  isMet: boolean;
}

/** Whether what is wished for of a node was found to be so, and nothing of it can have changed: thousands are asked. */
export function isAsWished(node: NodeView, { now, configuration, vault }: World): boolean {
  const known = outlooks.get(node);
  return (
    known?.isMet === true &&
    known.configuration === configuration &&
    known.vault === vault &&
    holdsAt(known, now.getTime())
  );
}

function holdsAt({ from, until }: Wished, time: number): boolean {
  return from <= time && time <= until;
}

/** Of the view of a node there is one; it becomes what is wished for at the moment that is asked about. */
export function wishedOf(node: NodeView, world: World): Wished {
  const now = world.now.getTime();
  const outlook = outlookOf(node, world);
  if (holdsAt(outlook, now)) return outlook;
  const { group, failures } = nextOf(outlook, world.now);
  const isNear = group !== undefined && group.dueAt.getTime() - now <= outlook.configuration.planHorizon;
  const wish = isNear ? makeWish(node, world, { outlook, group, failures }) : undefined;
  const until = untilWhen(outlook, group, wish, world.now);
  return Object.assign(outlook, { wish, from: now, until, isMet: false });
}

function makeWish(
  node: NodeView,
  world: World,
  {
    outlook,
    group,
    failures,
  }: { readonly outlook: Outlook; readonly group: Group; readonly failures: number },
): Wish {
  const { renewable, failedBefore } = outlook;
  const missing = leftOut(node, world, group.dueAt);
  return wishOf(node, group, renewable, { failures, leftOut: missing, failedBefore, now: world.now });
}

/**
 * The last moment of which it is sure that the same is wished for then. What has failed has pauses of its own, and why
 * something is left out is the vault's to say: they are asked about in every pass.
 */
function untilWhen(
  { sound, failed, configuration }: Outlook,
  group: Group | undefined,
  wish: Wish | undefined,
  now: Date,
): number {
  const time = now.getTime();
  if (failed.length > 0 || wish?.leftOut !== undefined) return time;
  const until = groupHoldsUntil(sound, now, configuration.groupWithin);
  if (group === undefined) return until;
  if (wish === undefined)
    return Math.min(until, Math.ceil(group.dueAt.getTime() - configuration.planHorizon) - 1);
  const ends = wish.certificates.map(({ notAfter }) => notAfter.getTime());
  return Math.min(until, ...ends.filter((end) => end >= time));
}

/** What is to come of a node, whatever the time. */
interface Outlook extends Wished {
  readonly configuration: Configuration;
  /** Who said last what can be signed. */
  vault: World['vault'];
  readonly renewable: readonly RenewableCertificate[];
  readonly retries: ReadonlyMap<CertificateId, Retry> | undefined;
  readonly failedBefore: readonly FailedAttempts[] | undefined;
  /** What has not failed. */
  readonly sound: readonly Candidate[];
  /** What has, part by part: one that was refused must not take the others down with it. */
  readonly failed: readonly (readonly Candidate[])[];
}

function outlookOf(node: NodeView, world: World): Outlook {
  const { configuration, vault } = world;
  const known = outlooks.get(node);
  const isSame = known?.configuration === configuration;
  if (isSame && known.vault === vault) return known;
  const renewable = renewableOf(node, world);
  if (isSame && known.renewable === renewable && known.wish?.leftOut === undefined) {
    known.vault = vault;
    return known;
  }
  const retries = retriesOf(node, renewable, world);
  const outlook: Outlook = {
    ...neverAsked,
    configuration,
    vault,
    renewable,
    retries,
    failedBefore: carriedOn(node),
    ...candidatesOf(renewable, retries),
  };
  outlooks.set(node, outlook);
  return outlook;
}

const neverAsked: Wished = { wish: undefined, from: Infinity, until: -Infinity, isMet: false };

/** It depends on the values that it holds and on the node alone. */
const outlooks = new WeakMap<NodeView, Outlook>();

function candidatesOf(
  renewable: readonly RenewableCertificate[],
  retries: Outlook['retries'],
): Pick<Outlook, 'sound' | 'failed'> {
  if (retries === undefined) return { sound: renewable, failed: [] };
  const hasFailed = ({ id }: Candidate): boolean => (retries.get(id)?.failures ?? 0) > 0;
  const resting = renewable.map((one) => ({ ...one, notBefore: retries.get(one.id)?.notBefore }));
  const parts = groupBy(resting.filter(hasFailed), ({ id }) => retries.get(id)?.part);
  return { sound: resting.filter((one) => !hasFailed(one)), failed: [...parts.values()] };
}

/** What has not failed goes first and alone: what has must not take it down with it. */
function nextOf(
  { sound, failed, retries, configuration }: Outlook,
  now: Date,
): { readonly group: Group | undefined; readonly failures: number } {
  const next = (candidates: readonly Candidate[]) => nextGroup(candidates, now, configuration.groupWithin);
  const first = next(sound);
  if (failed.length === 0) return { group: first, failures: 0 };
  const [again] = failed
    .flatMap((part) => next(part) ?? [])
    .toSorted((a, b) => a.dueAt.getTime() - b.dueAt.getTime());
  const isDue = first !== undefined && first.dueAt < now;
  if (again === undefined || isDue || (first !== undefined && first.dueAt <= again.dueAt))
    return { group: first, failures: 0 };
  return { group: again, failures: Math.max(...again.ids.map((id) => retries?.get(id)?.failures ?? 0)) };
}
