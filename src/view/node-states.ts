// How a node stands, in one word.

/** From most to least pressing. */
export const nodeStates = [
  'expired',
  'manual',
  'failed',
  'broken',
  'unread',
  'running',
  'waiting',
  'due',
  'planned',
  'fine',
] as const;
export type NodeState = (typeof nodeStates)[number];
