// The certificates of a node that the product renews, each with the answer of R1.
import { certificateIds, type CaId, type CertificateId, type Component } from '../../catalogue/ids.ts';
import type { InventoryRow } from '../../agent/protocol.ts';
import { decideDue, type DueAnswer } from '../../policy/due.ts';
import type { Configuration } from '../configuration.ts';
import type { World } from '../world.ts';
import type { NodeView } from './view.ts';

export interface RenewableCertificate {
  readonly id: CertificateId;
  readonly component: Component;
  readonly ca: CaId;
  readonly row: InventoryRow;
  readonly notAfter: Date;
  readonly due: DueAnswer;
  readonly dueAt: Date | undefined;
}

const componentOf: Readonly<Record<CertificateId, Component>> = {
  'apiserver.crt': 'kube-apiserver',
  'apiserver-etcd-client.crt': 'kube-apiserver',
  'apiserver-kubelet-client.crt': 'kube-apiserver',
  'front-proxy-client.crt': 'kube-apiserver',
  'etcd/server.crt': 'etcd',
  'etcd/peer.crt': 'etcd',
  'etcd/healthcheck-client.crt': 'etcd',
  '/root/.kube/config': 'none',
  'admin.conf': 'none',
  'super-admin.conf': 'none',
  'controller-manager.conf': 'kube-controller-manager',
  'scheduler.conf': 'kube-scheduler',
  'kubelet.crt': 'kubelet',
  'kubelet-client-current.pem': 'kubelet',
};

export function isKubelets(id: string): boolean {
  return id === 'kubelet.crt' || id === 'kubelet-client-current.pem';
}

/** The lifetime that a new certificate gets, in milliseconds. */
export function lifetimeOf(id: string, configuration: Configuration): number {
  return isKubelets(id) ? configuration.lifetimes.kubelet : configuration.lifetimes.controlPlane;
}

/**
 * What may be renewed of a node, by catalogue order. Left out: what somebody else owns (KubeletManaged, Unmanaged), what
 * cannot be read or written safely, and kubelet.crt where the configuration says to leave it. Of a kubeconfig with
 * several users the one that ends first stands for its id.
 */
export function renewableOf(node: NodeView, world: World): RenewableCertificate[] {
  const rows = node.inventory?.certificates ?? [];
  return certificateIds.flatMap((id) => {
    const found = rows
      .filter((row) => row.id === id && isRenewable(row, world.configuration))
      .flatMap((row) => renewable(id, row, node, world))
      .toSorted((a, b) => a.notAfter.getTime() - b.notAfter.getTime());
    return found.slice(0, 1);
  });
}

function isRenewable(row: InventoryRow, { kubelet }: Configuration): boolean {
  if (row.id === 'kubelet.crt' && kubelet.serving === 'leave') return false;
  return row.state === 'Ok' || (row.id === 'kubelet.crt' && row.state === 'SelfSigned');
}

function renewable(
  id: CertificateId,
  row: InventoryRow,
  node: NodeView,
  world: World,
): RenewableCertificate[] {
  const [notBefore, notAfter] = [new Date(row.notBefore), new Date(row.notAfter)];
  if (Number.isNaN(notBefore.getTime()) || Number.isNaN(notAfter.getTime())) return [];
  // R3: kubeadm's own kubelet.crt names no CA of ours; the cluster's will sign its successor.
  const ca = row.ca ?? 'kubernetes';
  const due = decideDue({
    certificate: { notBefore, notAfter },
    profile: lifetimeOf(id, world.configuration),
    caNotAfter: caEnd(ca, node, world),
    now: world.now,
    trigger: world.configuration.trigger,
  });
  return [{ id, component: componentOf[id], ca, row, notAfter, due, dueAt: due.dueAt }];
}

/** The vault's word, else the CA certificate that was found on the node. */
function caEnd(ca: CaId, node: NodeView, world: World): Date | undefined {
  const text =
    world.vault.cas[ca]?.notAfter ??
    node.inventory?.certificates.find((row) => row.kind === 'ca' && row.ca === ca)?.notAfter;
  const end = text === undefined ? undefined : new Date(text);
  return end === undefined || Number.isNaN(end.getTime()) ? undefined : end;
}
