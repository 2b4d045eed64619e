// What a person may have done from the page. The server makes the object or the patch; of the request it takes a name.
import * as v from 'valibot';
import { objectPath, resources, type ObjectRef, type Resource } from '../../kube/resources.ts';
import { annotations } from '../../kube/types.ts';
import type { Seen } from '../../view/picture.ts';
import { create, type Outcome, type Person } from './person.ts';

/** As Kubernetes names Nodes and rotations (RFC 1123 subdomain). */
const name = v.pipe(v.string(), v.maxLength(253), v.regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/));

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
  switch (action.action) {
    case 'rotate':
      return rotate(person, action.node, seen);
    case 'pause':
      return annotate(person, resources.nodes, action.node, { [annotations.paused]: 'true' });
    case 'resume':
      // null takes it away (RFC 7386).
      return annotate(person, resources.nodes, action.node, { [annotations.paused]: null });
    case 'approve':
      return annotate(person, resources.certificateRotations, action.rotation, {
        [annotations.approved]: 'true',
      });
    default:
      return action satisfies never;
  }
}

/** Everything of the node that the product renews; it joins the queue and its gates as any other. */
async function rotate(person: Person, nodeName: string, seen: Seen): Promise<Outcome<Done>> {
  const node = seen.byName.get(nodeName);
  const certificates = new Set(
    node?.certificates.flatMap(({ id, dueAt }) => (id === undefined || dueAt === undefined ? [] : [id])),
  );
  if (node === undefined || certificates.size === 0) {
    return { ok: false, why: 'gone', message: `there is nothing to renew on ${nodeName}` };
  }
  const made = await create(person, resources.certificateRotations, {
    metadata: { generateName: 'by-hand-' },
    spec: { nodeName, nodeUID: node.uid, certificates: [...certificates], reason: 'Manual' },
  });
  return made.ok ? { ok: true, value: { name: made.value.metadata.name } } : made;
}

async function annotate(
  person: Person,
  of: Resource<unknown>,
  name: ObjectRef['name'],
  values: Readonly<Record<string, string | null>>,
): Promise<Outcome<Done>> {
  const outcome = await person.call({
    method: 'PATCH',
    path: objectPath(of, { name }),
    body: { metadata: { annotations: values } },
    contentType: 'application/merge-patch+json',
  });
  return outcome.ok ? { ok: true, value: { name } } : outcome;
}
