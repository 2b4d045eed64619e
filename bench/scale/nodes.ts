// The Nodes of a large cluster and the certificates on them. Pure: the same for whoever asks.
import { createHash } from 'node:crypto';
import type { Node } from 'kubernetes-types/core/v1.js';
import type { InventoryRow } from '../../src/agent/protocol.ts';
import { certificateIds } from '../../src/catalogue/ids.ts';
import { rfc3339 } from '../../src/pki/time.ts';

export const controlPlanes = 3;
export const certificatesPerNode = certificateIds.length;

const day = 86_400_000;
const roleLabel = 'node-role.kubernetes.io/control-plane';

/** Control planes n1 to n3, then workers w1 onwards: as src/sim/cluster/plan.ts calls them. */
export function nodeNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) =>
    i < controlPlanes ? `n${i + 1}` : `w${i + 1 - controlPlanes}`,
  );
}

export const isControlPlaneName = (name: string): boolean => name.startsWith('n');

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

/** As a kubelet reports it: most of its bytes are the list of images. */
export function nodeObject(name: string, address: string, now: Date): Node {
  const time = rfc3339(now);
  const condition = (type: string, status: string, reason: string) => ({
    type,
    status,
    reason,
    message: `kubelet: ${reason}`,
    lastHeartbeatTime: time,
    lastTransitionTime: time,
  });
  const resources = { cpu: '16', memory: '65806720Ki', pods: '110', 'ephemeral-storage': '205374420Ki' };
  return {
    metadata: {
      name,
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        ...(isControlPlaneName(name) ? { [roleLabel]: '' } : {}),
      },
    },
    status: {
      addresses: [
        { type: 'InternalIP', address },
        { type: 'Hostname', address: name },
      ],
      capacity: resources,
      allocatable: resources,
      conditions: [
        condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory'),
        condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure'),
        condition('PIDPressure', 'False', 'KubeletHasSufficientPID'),
        condition('Ready', 'True', 'KubeletReady'),
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } },
      images: Array.from({ length: 50 }, (_, i) => ({
        names: [
          `registry.example/team-${i % 7}/image-${i}@sha256:${hash(`image ${i}`)}`,
          `registry.example/team-${i % 7}/image-${i}:v1.${i}.0`,
        ],
        sizeBytes: 40_000_000 + i,
      })),
      nodeInfo: {
        architecture: 'amd64',
        bootID: hash(`boot ${name}`).slice(0, 36),
        containerRuntimeVersion: 'containerd://1.7.27',
        kernelVersion: '6.1.0-37-amd64',
        kubeProxyVersion: 'v1.34.4',
        kubeletVersion: 'v1.34.4',
        machineID: hash(`machine ${name}`).slice(0, 32),
        operatingSystem: 'linux',
        osImage: 'Debian GNU/Linux 12 (bookworm)',
        systemUUID: hash(`system ${name}`).slice(0, 36),
      },
    },
  };
}

/**
 * What a scan of this node says: the rows that the agent has read on a control plane, each with this node's own names,
 * serial number, fingerprint and times. Ages are spread as in a cluster that grew: about half are due within 30 days, none
 * is due now.
 */
export function rowsOf(name: string, read: readonly InventoryRow[], now: Date): readonly InventoryRow[] {
  const share = Number.parseInt(hash(name).slice(0, 8), 16) / 0x1_0000_0000;
  return read.map((row) => {
    const id = hash(`${name} ${row.id}`);
    if (row.kind === 'ca') return row;
    const lifetime = (row.id.startsWith('kubelet') ? 91 : 365) * day;
    const notBefore = now.getTime() - share * 0.64 * lifetime;
    return {
      ...row,
      subject: row.subject.replaceAll('n1', name),
      sans: row.sans.map((san) => san.replaceAll('n1', name)),
      serial: id.slice(0, 32),
      sha256: hash(id),
      notBefore: rfc3339(new Date(notBefore)),
      notAfter: rfc3339(new Date(notBefore + lifetime)),
    };
  });
}
