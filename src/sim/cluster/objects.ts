// Writes objects of any kind that a cluster here has, as kubectl would.
import { ApiError, type Api } from '../node/api.ts';
import type { Seed } from './seeds.ts';

/** By kind: how its collection is called. */
const plurals: Readonly<Record<string, string>> = {
  Namespace: 'namespaces',
  ConfigMap: 'configmaps',
  Secret: 'secrets',
  Service: 'services',
  ServiceAccount: 'serviceaccounts',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  Role: 'roles',
  RoleBinding: 'rolebindings',
  CustomResourceDefinition: 'customresourcedefinitions',
  ValidatingAdmissionPolicy: 'validatingadmissionpolicies',
  ValidatingAdmissionPolicyBinding: 'validatingadmissionpolicybindings',
  Deployment: 'deployments',
  Pod: 'pods',
  CertificateRotation: 'certificaterotations',
};

export function collectionOf({ apiVersion = 'v1', kind = '', metadata }: Seed): string {
  const plural = plurals[kind];
  if (plural === undefined) throw new Error(`no collection is known for ${kind}`);
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
  const within = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${within}/${plural}`;
}

/** One that is there already stays as it is. */
export async function create(api: Api, object: Seed): Promise<void> {
  try {
    await api.call('POST', collectionOf(object), object);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 409) throw error;
  }
}

/** Namespaces and kinds first, since others need them. */
export async function createAll(api: Api, objects: readonly Seed[]): Promise<void> {
  const first = new Set(['Namespace', 'CustomResourceDefinition']);
  for (const one of objects.filter(({ kind = '' }) => first.has(kind))) await create(api, one);
  await Promise.all(objects.filter(({ kind = '' }) => !first.has(kind)).map(async (one) => create(api, one)));
}
