// Every reason that a decision can carry. One list, shared by status, Events, logs and metrics.

export const reasons = {
  // due or not
  NotDue: 'enough of the lifetime remains',
  Expired: 'the certificate has expired',
  NearingExpiry: 'less than the trigger share of the lifetime, or fewer than the trigger days, remain',
  NoGain: 'a renewal would gain too little, since the CA ends soon',
  Manual: 'a person asked for it',
  Compromised: 'the key is said to be known to others: new keys, all now',
  // states of an inventoried certificate (what the file is, R25)
  Ok: 'readable, signed by the CA on this node',
  SelfSigned: 'signed by nobody that the cluster knows (kubeadm’s own kubelet.crt)',
  KubeletManaged: 'the kubelet renews it by itself (serverTLSBootstrap)',
  Unmanaged: 'signed by somebody else; never touched',
  Unreadable: 'cannot be read or parsed',
  Unreachable: 'lies outside the directories that are mounted',
  KeyMismatch: 'key and certificate do not fit together',
  WritableByOthers: 'others than root may write its directory; reported, never written',
  NotPresent: 'this node does not have it',
  // results
  Renewed: 'the live process shows the new serial',
  KubeletRotated: 'the kubelet had renewed its client certificate by itself',
  RolledBack: 'the old files are back',
  ComponentDidNotReturn: 'a component did not come back on its new certificate',
  NotProved: 'the live process did not show the new serial',
  KubeletNotTakingPods: 'the kubelet of the node does not start Pods',
  OldStateUnsafe: 'the old state is expired or nearly so: no place to return to (R14)',
  SigningRefused: 'the signer refused the request',
  PreflightFailed: 'the node failed a check before anything was changed',
  NodeGone: 'the node is gone or was replaced under its name',
  SupersededByManual: 'a rotation made by hand took its place',
  AlreadyActive: 'the node already has an active rotation',
  NothingToDo: 'nothing of what was asked for is due or present',
  Admitted: 'all gates are open',
  Running: 'work goes on on the node',
  Verifying: 'the controller asks the node’s endpoints itself',
  AgentFailed: 'the agent on the node ended with an error',
  ScanFailed: 'the certificates of the node could not be read; it is tried again',
  RequestsMayFail: 'clients may see requests fail while an API server restarts (R22)',
  Undecided: 'what is known of the node cannot be judged; the others go on',
  InventoryChanged: 'the stored inventory was changed by somebody; the node is read again',
  Interrupted: 'the work was interrupted and will be resumed',
} as const;
export type Reason = keyof typeof reasons;

/** Why a rotation waits. Hard gates give way to nothing (R13); soft ones to urgency. */
export const gates = {
  ModeObserve: { hard: true, text: 'mode observe: nothing is touched' },
  AwaitingApproval: { hard: true, text: 'mode manual: nobody has approved it yet' },
  Paused: { hard: true, text: 'paused by a person' },
  CaUnavailable: { hard: true, text: 'no usable CA is in the vault' },
  CaMismatch: { hard: true, text: 'the stored CA is not the one that the cluster trusts' },
  ControlPlaneInFlight: { hard: true, text: 'another control plane is being rotated' },
  EtcdUnsafe: { hard: true, text: 'etcd could lose quorum' },
  ClockSkew: { hard: true, text: 'clocks differ by more than the limit' },
  NodeGone: { hard: true, text: 'no such node, or another one under its name' },
  RekeyNeedsTool: { hard: true, text: 'new keys are wanted, and the tool that they need is being laid down' },
  ApiServerUnhealthy: { hard: false, text: 'an API server of another node is not ready' },
  OnlyApiServer: {
    hard: false,
    text: 'the only API server restarts with a rotation, and the proof of another one needs it',
  },
  ToolNotStaged: {
    hard: false,
    text: 'the tool by which a boot could recover the node is being laid down; without it pairs keep their key',
  },
  NodeNotReady: { hard: false, text: 'the node is not Ready' },
  NeighboursNotReady: { hard: false, text: 'too many other nodes are not Ready' },
  Settling: { hard: false, text: 'the last rotation was moments ago' },
  // The width of the queue, not a doubt about health: what is urgent goes first, not beside.
  ParallelLimit: { hard: true, text: 'as many nodes as allowed are being rotated' },
  OutsideWindow: { hard: false, text: 'outside the maintenance windows' },
  UpgradeInProgress: { hard: false, text: 'nodes run different versions: an upgrade is under way' },
  NodePressure: { hard: false, text: 'the node is under pressure' },
  BreakerOpen: {
    hard: false,
    text: 'a rotation failed; the breaker lets one try through after its cool-down',
  },
  CanaryBaking: { hard: false, text: 'the first node of its role has not been well for long enough (R27)' },
  ManualRateLimit: { hard: false, text: 'rotations made by hand: one an hour for a node' },
} as const satisfies Record<string, { hard: boolean; text: string }>;
export type Gate = keyof typeof gates;
