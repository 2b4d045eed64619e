// The images of a simulated node: which files of the machine stand for the content of each. Pure.
import type { Image, ImageStore, Mount } from '../node/protocol.ts';
import { compileCache } from './compile-cache.ts';
import { registry } from './manifests.ts';

export interface ImageNames {
  readonly version: string;
  /** The product's own two, as its chart names them. */
  readonly agent: string;
  readonly controller: string;
}

const node: Mount = { source: '/usr/bin/node', target: '/usr/bin/node', readOnly: true };
const own = (source: string, target: string): Mount => ({ source, target, readOnly: true });

/** A part of Kubernetes: a script on Node that runs under the name of what it stands for. */
function part(component: string): Image {
  const content = [
    node,
    own('/bin/bash', '/bin/bash'),
    own('/opt/sim', '/opt/sim'),
    own('/opt/store', '/opt/store'),
  ];
  return {
    content,
    scripts: { [component]: `/opt/sim/${component}.mjs` },
    command: [component],
    environment: compileCache('/opt/sim'),
  };
}

export function imagesOf({ version, agent, controller }: ImageNames): ImageStore {
  const product = '/opt/cluster-cert-rotator';
  return {
    [`${registry}/etcd:3.6.5-0`]: part('etcd'),
    [`${registry}/kube-apiserver:${version}`]: part('kube-apiserver'),
    [`${registry}/kube-controller-manager:${version}`]: part('kube-controller-manager'),
    [`${registry}/kube-scheduler:${version}`]: part('kube-scheduler'),
    [agent]: {
      content: ['cert-renew', 'renew-all.sh'].map((name) => own(`/opt/tool/${name}`, `/usr/bin/${name}`)),
      scripts: {},
      command: ['/usr/bin/cert-renew'],
      environment: {},
    },
    [controller]: {
      content: [
        node,
        own('/opt/sim/controller.mjs', `${product}/controller.mjs`),
        own('/opt/sim/cache', `${product}/cache`),
      ],
      scripts: {},
      command: ['/usr/bin/node', `${product}/controller.mjs`],
      environment: compileCache(product),
    },
  };
}
