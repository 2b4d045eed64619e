import type { Event } from 'kubernetes-types/core/v1.js';
import { describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { EventRecorder, eventName, newEvent } from './events.ts';
import type { NewEvent } from './world.ts';

const event: NewEvent = {
  about: { kind: 'CertificateRotation', name: 'n1-abc-1', uid: 'u1' },
  type: 'Warning',
  reason: 'ClockSkew',
  message: 'the clock is 301 s off',
};
const now = new Date('2030-01-01T00:00:00.500Z');
const later = (minutes: number): Date => new Date(now.getTime() + minutes * 60_000);

/** An API server that keeps Events. */
function recorder(refuses = false): {
  recorder: EventRecorder;
  stored: Map<string, Event>;
  writes: string[];
} {
  const stored = new Map<string, Event>();
  const writes: string[] = [];
  const verbs: Record<
    string,
    (of: unknown, object: Event & { name: string }, patch: Partial<Event>) => unknown
  > = {
    create(_, object) {
      const name = object.metadata.name ?? '';
      writes.push(`create ${name}`);
      if (refuses) throw new CertError('Denied', 'exceeded quota');
      if (stored.has(name)) return { ok: false, why: 'exists', message: '' };
      stored.set(name, object);
      return { ok: true, object };
    },
    get: (_, { name }) => stored.get(name),
    patch(_, { name }, patch) {
      writes.push(`patch ${name} count ${patch.count}`);
      return { ok: true };
    },
  };
  const client: KubeClient = new Proxy<KubeClient>(Object.create(null), {
    get:
      (_, verb: string) =>
      async (...args: [unknown, Event & { name: string }, Partial<Event>]) =>
        verbs[verb]?.(...args),
  });
  return { recorder: new EventRecorder(client, 'me'), stored, writes };
}

describe('an Event', () => {
  it('is about the object, in the namespace that the API server wants', () => {
    expect(newEvent(event, now, 'me')).toMatchObject({
      metadata: { namespace: 'default' },
      involvedObject: { apiVersion: 'certrotator.cpaas.io/v1alpha1', kind: 'CertificateRotation', uid: 'u1' },
      firstTimestamp: '2030-01-01T00:00:00Z',
      count: 1,
    });
  });

  it('is written beside an object that has a namespace', () => {
    const about = { kind: 'ConfigMap', name: 'c', namespace: 'cluster-cert-rotator', uid: 'u2' } as const;
    expect(newEvent({ ...event, about }, now, 'me')).toMatchObject({
      metadata: { namespace: 'cluster-cert-rotator' },
      involvedObject: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'cluster-cert-rotator', uid: 'u2' },
    });
  });

  it('has one name while only a number in its message changes, and another one for another thing', () => {
    expect(eventName({ ...event, message: 'the clock is 17 s off' })).toBe(eventName(event));
    expect(eventName({ ...event, message: 'no clock' })).not.toBe(eventName(event));
    expect(eventName({ ...event, about: { ...event.about, uid: 'u2' } })).not.toBe(eventName(event));
    expect(eventName({ ...event, about: { ...event.about, name: 'n'.repeat(253) } }).length).toBeLessThan(
      254,
    );
  });

  it('is written once while nothing changes, and counted up after an hour', async () => {
    const { recorder: say, writes } = recorder();
    const name = eventName(event);
    await say.record(event, now);
    await say.record(event, later(5));
    await say.record({ ...event, message: 'the clock is 302 s off' }, later(59));
    expect(writes).toEqual([`create ${name}`]);
    await say.record(event, later(61));
    expect(writes).toEqual([`create ${name}`, `create ${name}`, `patch ${name} count 2`]);
  });

  it('that is refused is not asked for again before an hour', async () => {
    const { recorder: events, writes } = recorder(true);
    await expect(events.record(event, now)).rejects.toMatchObject({ code: 'Denied' });
    await events.record(event, later(59));
    expect(writes).toHaveLength(1);
    await expect(events.record(event, later(61))).rejects.toMatchObject({ code: 'Denied' });
  });

  it('is not said again by a leader that comes after', async () => {
    const first = recorder();
    await first.recorder.record(event, now);
    const second = recorder();
    for (const [name, object] of first.stored) second.stored.set(name, object);
    await second.recorder.record(event, later(1));
    await second.recorder.record(event, later(2));
    expect(second.writes).toEqual([`create ${eventName(event)}`]);
    expect([...second.stored.values()]).toHaveLength(1);
  });
});
