// Sends what a person has asked for: as the dashboard does, by the rights of whoever calls kubectl.
import { CertError } from '../errors.ts';
import { resources } from '../kube/resources.ts';
import type { KubeObject } from '../kube/types.ts';
import type { Write } from '../view/actions.ts';
import type { How, Kubectl } from './kubectl.ts';

/** The role of the chart that allows what the plugin does. */
export const operatorRole = 'cluster-cert-rotator-operator';
export const viewerRole = 'cluster-cert-rotator-viewer';

/** @returns the name of what was made or changed. Errors: Denied, NotFound, Unreachable, Aborted. */
export async function send(kubectl: Kubectl, write: Write, how: How): Promise<string> {
  return await asOperator(async () => {
    if (write.verb === 'create') {
      const made = await kubectl.create<KubeObject>(resources.certificateRotations, write.object, how);
      return made.metadata.name;
    }
    const of = write.of === 'nodes' ? resources.nodes : resources.certificateRotations;
    const patch = { metadata: { annotations: write.annotations } };
    await kubectl.patch(of, { name: write.name }, patch, how);
    return write.name;
  });
}

/** Says of a missing right which role has it. */
export const asOperator = async <T>(work: () => Promise<T>): Promise<T> =>
  await namingRole(operatorRole, work);
export const asViewer = async <T>(work: () => Promise<T>): Promise<T> => await namingRole(viewerRole, work);

async function namingRole<T>(role: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CertError) || error.code !== 'Denied' || !error.message.startsWith('you may not'))
      throw error;
    const text = `${error.message}; role ${role} of the chart allows it (its values people.viewers, people.operators)`;
    throw new CertError('Denied', text, { cause: error });
  }
}
