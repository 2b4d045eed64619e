// Where the product keeps its own things on a node (design §3). Every path is the node's own.

/** Directory of the product on every host (0700, root). */
export const hostDirectory = '/var/lib/cluster-cert-rotator';

export interface HostLayout {
  readonly root: string;
  readonly journal: string;
  readonly backups: string;
  /** New files before they go beside their targets: made without write access to anything else. */
  readonly staging: string;
  /** Journals that were moved aside (R17). */
  readonly setAside: string;
  readonly restart: string;
  /** A request of cert-renew that waits for its answer, with its new keys. */
  readonly waiting: string;
  readonly tool: string;
  readonly lock: string;
}

export function hostLayout(root: string = hostDirectory): HostLayout {
  return {
    root,
    journal: `${root}/journal`,
    backups: `${root}/backups`,
    staging: `${root}/staging`,
    setAside: `${root}/set-aside`,
    restart: `${root}/restart`,
    waiting: `${root}/waiting.json`,
    tool: `${root}/bin/cert-renew`,
    lock: `${root}/lock`,
  };
}
