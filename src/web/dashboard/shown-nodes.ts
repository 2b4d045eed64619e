// Of a Node what is shown, and whether that has changed: thousands of them report themselves all the time, each mostly a
// list of its images.
import type { Node } from 'kubernetes-types/core/v1.js';

export class ShownNodes {
  readonly #shown = new Map<string, string>();
  #changed = false;
  #count = -1;

  trim({ metadata, status }: Node): Node {
    const { name = '', uid = '', resourceVersion = '', labels = {}, annotations = {} } = metadata ?? {};
    const conditions = status?.conditions?.flatMap((one) => (one.type === 'Ready' ? [one] : [])) ?? [];
    const nodeInfo = status?.nodeInfo;
    const states = conditions.map((one) => one.status);
    const text = JSON.stringify([uid, labels, annotations, states, nodeInfo?.kubeletVersion]);
    if (this.#shown.get(name) !== text) {
      this.#shown.set(name, text);
      this.#changed = true;
    }
    return {
      metadata: { name, uid, resourceVersion, labels, annotations },
      status: { conditions, ...(nodeInfo === undefined ? {} : { nodeInfo }) },
    };
  }

  /** Since it was asked last; `count` of all Nodes, since one that is gone is not trimmed. */
  changed(count: number): boolean {
    const changed = this.#changed || count !== this.#count;
    this.#changed = false;
    this.#count = count;
    return changed;
  }
}
