// What a person may have done from the page. The server makes the object or the patch; of the request it takes a name.
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import * as v from 'valibot';
import { configurationRef } from '../../controller/configuration.ts';
import { CertError } from '../../errors.ts';
import { objectPath, resources } from '../../kube/resources.ts';
import type { KubeObject } from '../../kube/types.ts';
import { longestName, namePattern, writeOf, type Write } from '../../view/actions.ts';
import { pauseAllPatch } from '../../view/pause-all.ts';
import type { Seen } from '../../view/picture.ts';
import { create, type Outcome, type Person } from './person.ts';

const name = v.pipe(v.string(), v.maxLength(longestName), v.regex(namePattern));

const schema = v.variant('action', [
  v.strictObject({ action: v.literal('rotate'), node: name }),
  v.strictObject({ action: v.picklist(['pause', 'resume']), node: name }),
  v.strictObject({ action: v.literal('approve'), rotation: name }),
  v.strictObject({ action: v.picklist(['pause-all', 'resume-all']) }),
]);
export type ActionRequest = v.InferOutput<typeof schema>;

/** Undefined: it is none. */
export function readAction(text: string): ActionRequest | undefined {
  try {
    const parsed = v.safeParse(schema, JSON.parse(text));
    return parsed.success ? parsed.output : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** What was made or changed. */
export interface Done {
  readonly name: string;
}

export async function carryOut(person: Person, action: ActionRequest, seen: Seen): Promise<Outcome<Done>> {
  if (!('node' in action) && !('rotation' in action)) return pauseAll(person, action.action === 'pause-all');
  const write = writeOf(action, seen);
  if (write === undefined) {
    const where = action.action === 'approve' ? action.rotation : action.node;
    return { ok: false, why: 'gone', message: `there is nothing to renew on ${where}` };
  }
  const outcome = await send(person, write);
  return outcome.ok ? { ok: true, value: { name: outcome.value.metadata.name } } : outcome;
}

/** Of the configuration as it is now, and not as it was when the page was made. */
async function pauseAll(person: Person, paused: boolean): Promise<Outcome<Done>> {
  const path = objectPath(resources.configMaps, configurationRef);
  const map = await person.call<ConfigMap>({ method: 'GET', path });
  if (!map.ok) return map;
  try {
    const body = pauseAllPatch(map.value, paused);
    const done = { ok: true, value: { name: configurationRef.name } } as const;
    if (body === undefined) return done;
    const changed = await patch<ConfigMap>(person, path, body);
    return changed.ok ? done : changed;
  } catch (error) {
    if (error instanceof CertError) return { ok: false, why: 'invalid', message: error.message };
    throw error;
  }
}

async function send(person: Person, write: Write): Promise<Outcome<KubeObject>> {
  if (write.verb === 'create') return create(person, resources.certificateRotations, write.object);
  const of = write.of === 'nodes' ? resources.nodes : resources.certificateRotations;
  const body = { metadata: { annotations: write.annotations } };
  return patch(person, objectPath(of, { name: write.name }), body);
}

async function patch<T>(person: Person, path: string, body: object): Promise<Outcome<T>> {
  return person.call<T>({ method: 'PATCH', path, body, contentType: 'application/merge-patch+json' });
}
