// Clusters that need a person in every way that there is: together they show each line of what needs somebody.
import { defaultConfiguration } from '../../src/controller/configuration.ts';
import { message } from '../../src/view/messages/message.ts';
import type { Seen } from '../../src/view/picture.ts';
import { caRow, inDays, leafRow, notesOfUnseen, rotationObject, seenIn } from '../../src/view/testing.ts';

const controlPlane = [
  caRow(-1),
  caRow(50, { ca: 'etcd', sha256: 'e'.repeat(64) }),
  caRow(200, { ca: 'front-proxy', sha256: 'f'.repeat(64) }),
  leafRow('kubelet.crt', -2),
  leafRow('kubelet-client-current.pem', 1),
  leafRow('admin.conf', 200, { state: 'Unreadable' }),
];

const rotations = [
  rotationObject('gave-up', 'c1', {
    status: { phase: 'NeedsManual', reason: 'OldStateUnsafe', startedAt: inDays(-1) },
  }),
  rotationObject('failed', 'w1', {
    status: { phase: 'Failed', reason: 'AgentFailed', startedAt: inDays(-1) },
  }),
  rotationObject('waits', 'w2', {
    status: { phase: 'Pending', reason: 'EtcdUnsafe', message: 'waits: EtcdUnsafe: c2 is ill' },
  }),
];

export const needyClusters: readonly Seen[] = [
  seenIn({
    nodes: {
      c1: { role: 'control-plane', rows: controlPlane, notes: notesOfUnseen },
      w1: { rows: [caRow(3000, { sha256: 'd'.repeat(64) })], ready: false, paused: true, readDaysAgo: 9 },
      w2: { unread: true },
    },
    rotations,
    picture: {
      configuration: {
        settings: { ...defaultConfiguration, mode: 'manual', paused: true },
        problem: message('need.configuration', { why: 'mode: unknown' }),
      },
      controllerAt: null,
      strange: new Set(['node-local-certs-w9']),
      staleSince: inDays(0),
    },
  }),
  seenIn({
    nodes: {},
    picture: { controllerUnread: message('need.controllerUnread', { why: 'Denied' }) },
  }),
  seenIn({
    nodes: { w1: { left: 10 } },
    picture: {
      configuration: {
        settings: { ...defaultConfiguration, mode: 'observe' },
        problem: message('need.configurationUnread', { why: 'Denied' }),
      },
      controllerAt: inDays(-1),
    },
  }),
];
