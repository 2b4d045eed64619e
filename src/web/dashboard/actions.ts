// What a person may have done from the page. The server makes the object or the patch; of the request it takes a name.
import * as v from 'valibot';
import { objectPath, resources } from '../../kube/resources.ts';
import type { KubeObject } from '../../kube/types.ts';
import { longestName, namePattern, writeOf, type Write } from '../../view/actions.ts';
import type { Seen } from '../../view/picture.ts';
import { create, type Outcome, type Person } from './person.ts';

const name = v.pipe(v.string(), v.maxLength(longestName), v.regex(namePattern));

const schema = v.variant('action', [
  v.strictObject({ action: v.literal('rotate'), node: name }),
  v.strictObject({ action: v.picklist(['pause', 'resume']), node: name }),
  v.strictObject({ action: v.literal('approve'), rotation: name }),
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
  const write = writeOf(action, seen);
  if (write === undefined) {
    const where = action.action === 'approve' ? action.rotation : action.node;
    return { ok: false, why: 'gone', message: `there is nothing to renew on ${where}` };
  }
  const outcome = await send(person, write);
  return outcome.ok ? { ok: true, value: { name: outcome.value.metadata.name } } : outcome;
}

async function send(person: Person, write: Write): Promise<Outcome<KubeObject>> {
  if (write.verb === 'create') return create(person, resources.certificateRotations, write.object);
  const of = write.of === 'nodes' ? resources.nodes : resources.certificateRotations;
  return person.call({
    method: 'PATCH',
    path: objectPath(of, { name: write.name }),
    body: { metadata: { annotations: write.annotations } },
    contentType: 'application/merge-patch+json',
  });
}
