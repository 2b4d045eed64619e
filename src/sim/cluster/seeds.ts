// What a cluster has in its API before the product comes: as kubeadm and the controller-manager make it. Pure.
import { stringify } from 'yaml';
import type { KubeObject } from '../../kube/types.ts';
import { serverOf, type Authorities } from './node-files.ts';
import type { ClusterPlan } from './plan.ts';

export type Seed = KubeObject & Readonly<Record<string, unknown>>;

export const admins = 'kubeadm:cluster-admins';
const rbac = 'rbac.authorization.k8s.io';

export function seedsOf(plan: ClusterPlan, authorities: Authorities): readonly Seed[] {
  const trusted = { 'ca.crt': authorities.kubernetes.certificate };
  const frontProxy = {
    'client-ca-file': authorities.kubernetes.certificate,
    'requestheader-client-ca-file': authorities['front-proxy'].certificate,
  };
  const controlPlaneEndpoint = serverOf(plan).replace('https://', '');
  const kubeadm = {
    ClusterConfiguration: stringify({
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      kind: 'ClusterConfiguration',
      controlPlaneEndpoint,
      kubernetesVersion: plan.version,
    }),
  };
  return [
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: admins },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ apiGroup: rbac, kind: 'Group', name: admins }],
    },
    namespace('cpaas-system'),
    configMap('kube-system', 'kube-root-ca.crt', trusted),
    configMap('cpaas-system', 'kube-root-ca.crt', trusted),
    configMap('kube-system', 'extension-apiserver-authentication', frontProxy),
    configMap('kube-system', 'kubeadm-config', kubeadm),
  ];
}

export function namespace(name: string): Seed {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

export function configMap(namespace: string, name: string, data: Readonly<Record<string, string>>): Seed {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data };
}
