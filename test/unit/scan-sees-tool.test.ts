// The Pod that the controller makes and what the agent in it can see are two rooms: here they meet.
import type { Node } from 'kubernetes-types/core/v1.js';
import { expect, test } from 'vitest';
import { defaultConfiguration } from '../../src/controller/configuration.ts';
import { scanPod } from '../../src/controller/pods.ts';
import { reachUnder } from '../../src/host/discovery.ts';
import { hostLayout } from '../../src/host/layout.ts';

const worker: Node = { metadata: { name: 'w1', uid: 'uid-w1' } };
const controlPlane: Node = {
  metadata: { name: 'n1', uid: 'uid-n1', labels: { 'node-role.kubernetes.io/control-plane': '' } },
};

test.each([
  ['a control plane', controlPlane, {}, true],
  ['a worker', worker, {}, false],
  ['a worker, when the tool is laid down everywhere', worker, { stageTool: 'all' }, true],
  ['a control plane, when the tool is laid down nowhere', controlPlane, { stageTool: 'none' }, false],
  ['a control plane in mode observe, which makes nothing', controlPlane, { mode: 'observe' }, false],
] as const)('a scan of %s sees whether the tool lies there', (_, node, change, sees) => {
  const pod = scanPod(node, { ...defaultConfiguration, ...change }, { parts: 1 });
  const mounts = pod.spec?.containers.flatMap(({ volumeMounts = [] }) => volumeMounts) ?? [];
  const mountinfo = mounts.map(({ mountPath }) => `1 1 0:1 / ${mountPath} ro`).join('\n');
  expect(reachUnder('/host', () => mountinfo)(hostLayout().tool)).toBe(sees);
});
