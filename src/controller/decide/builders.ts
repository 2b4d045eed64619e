// What decide needs of the Pods' blueprints: the Pods as values, with the labels of ../labels.ts.
import type { Node, Pod } from 'kubernetes-types/core/v1.js';
import type { CertificateRotation } from '../../kube/types.ts';
import type { Configuration } from '../configuration.ts';

export interface PodOptions {
  /** Optional host paths that this node does not have (R18). */
  readonly without?: readonly string[];
}

export interface PodBuilders {
  readonly scan: (
    node: Node,
    configuration: Configuration,
    options: PodOptions & { readonly parts: number },
  ) => Pod;
  readonly rotate: (
    node: Node,
    rotation: CertificateRotation,
    configuration: Configuration,
    options: PodOptions,
  ) => Pod;
  readonly restart: (node: Node, rotation: CertificateRotation, configuration: Configuration) => Pod;
  readonly stage: (node: Node, configuration: Configuration) => Pod;
}
